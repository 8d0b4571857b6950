import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** What writeHead() takes: an object, names and values in turn, or pairs of them. */
export type HeadersForm = OutgoingHttpHeaders | OutgoingHttpHeader[] | Pair[] | undefined;

type Pair = [name: string, value: OutgoingHttpHeader];

type Change = (value: OutgoingHttpHeader) => OutgoingHttpHeader;

/** The headers of a response that is about to be sent: those that are given to writeHead(), else those set before. */
export class ResponseHeaders {
  readonly #response: ServerResponse;
  /** A copy in the form of the original, which the app may use for each of its responses. */
  readonly given: HeadersForm;

  constructor(response: ServerResponse, given?: HeadersForm) {
    this.#response = response;
    this.given = copy(given);
  }

  /** All values as one text; undefined: there is none. */
  get(name: string): string | undefined {
    const values: OutgoingHttpHeader[] = [];
    visit(this.given, name, (value) => {
      values.push(value);
      return value;
    });
    const set = values.length > 0 ? values : [this.#response.getHeader(name)];
    const known = set.flat().filter((value) => value !== undefined);
    return known.length > 0 ? known.join(', ') : undefined;
  }

  /** Changes each value, where it stands. */
  change(name: string, change: Change): void {
    if (visit(this.given, name, change)) return;
    const set = this.#response.getHeader(name);
    if (set !== undefined) this.#response.setHeader(name, change(set));
  }
}

/** Returns whether there was one. */
function visit(headers: HeadersForm, name: string, change: Change): boolean {
  let isFound = false;
  const at = (key: unknown, value: OutgoingHttpHeader | undefined, set: (value: OutgoingHttpHeader) => void): void => {
    if (String(key).toLowerCase() !== name || value === undefined) return;
    isFound = true;
    set(change(value));
  };
  if (!Array.isArray(headers)) {
    for (const [key, value] of Object.entries(headers ?? {})) at(key, value, (changed) => (headers![key] = changed));
  } else if (isPairs(headers)) {
    for (const pair of headers) at(pair[0], pair[1], (changed) => (pair[1] = changed));
  } else {
    for (let index = 0; index < headers.length; index += 2) {
      at(headers[index], headers[index + 1], (changed) => (headers[index + 1] = changed));
    }
  }
  return isFound;
}

function copy(headers: HeadersForm): HeadersForm {
  if (headers === null || typeof headers !== 'object') return headers;
  if (!Array.isArray(headers)) return { ...headers };
  return isPairs(headers) ? headers.map(([key, value]): Pair => [key, value]) : [...headers];
}

function isPairs(headers: NonNullable<HeadersForm> & unknown[]): headers is Pair[] {
  return Array.isArray(headers[0]);
}
