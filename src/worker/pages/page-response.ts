import type { ServerResponse } from 'node:http';
import { allowOrigin, nonceOf } from './content-security-policy.ts';
import { ResponseHeaders, type HeadersForm } from './response-headers.ts';

const POLICIES = ['content-security-policy', 'content-security-policy-report-only'];

/** The tag is ASCII, which is what it is in every other encoding of the web. */
const WIDE_CHARSET = /charset\s*=\s*"?\s*utf-?(?:16|32)/i;

/** What end() and writeHead() are called with; their overloads are beyond the compiler. */
type Arguments = unknown[];

/**
 * Adds a script to a response if it turns out to be a page: behind its end, where a parser takes it for the last of the
 * body, so that nothing of the page has to be read, and a stream of it stays one.
 */
export function addToPage(response: ServerResponse, src: string): void {
  const { writeHead, end } = response;
  /** undefined: it is not known yet. '': nothing is added. */
  let tag: string | undefined;

  const decide = (status: number, headers: ResponseHeaders): string => {
    tag ??= isPage(status, headers) ? tagFor(src, headers) : '';
    return tag;
  };

  response.writeHead = function (this: ServerResponse, ...given: Arguments) {
    const status = Math.trunc(Number(given[0]));
    // An informational one comes before the answer.
    if (status < 200) return Reflect.apply(writeHead, this, given);
    const at = typeof given[1] === 'string' || given[1] === undefined ? 2 : 1;
    const headers = new ResponseHeaders(this, given[at] as HeadersForm);
    const added = decide(status, headers);
    if (added === '') return Reflect.apply(writeHead, this, given);
    headers.change('content-length', (length) => Number(length) + added.length);
    for (const name of POLICIES) headers.change(name, (policy) => allowed(policy, src));
    return Reflect.apply(writeHead, this, [...given.slice(0, at), ...(headers.given ? [headers.given] : [])]);
  } as ServerResponse['writeHead'];

  response.end = function (this: ServerResponse, ...given: Arguments) {
    if (this.writableEnded) return Reflect.apply(end, this, given);
    // Behind a head that was sent past writeHead() nothing may follow.
    const added = this.headersSent ? (tag ?? '') : decide(this.statusCode, new ResponseHeaders(this));
    return Reflect.apply(end, this, added === '' ? given : withTag(given, added));
  } as ServerResponse['end'];
}

function isPage(status: number, headers: ResponseHeaders): boolean {
  const isAnswer = (status < 300 || status >= 400) && ![204, 205, 206].includes(status);
  const type = headers.get('content-type') ?? '';
  if (!isAnswer || !/^\s*text\/html\s*(?:;|$)/i.test(type) || WIDE_CHARSET.test(type)) return false;
  const isDownload = /^\s*attachment/i.test(headers.get('content-disposition') ?? '');
  const isWhole = (headers.get('content-encoding') ?? 'identity') === 'identity' && !headers.get('content-range');
  return !isDownload && isWhole && /^\d*$/.test(headers.get('content-length') ?? '');
}

function tagFor(src: string, headers: ResponseHeaders): string {
  const nonce = nonceOf(headers.get('content-security-policy') ?? '');
  return `<script src="${src}"${nonce ? ` nonce="${nonce}"` : ''} async></script>`;
}

function allowed<T>(policy: T, src: string): T | string | string[] {
  const { origin } = new URL(src);
  return Array.isArray(policy)
    ? policy.map((one) => allowOrigin(String(one), origin))
    : allowOrigin(String(policy), origin);
}

/** The arguments of end() with the tag behind what is sent last, in one piece with it. */
function withTag(given: Arguments, tag: string): Arguments {
  const [chunk, encoding] = given;
  if (chunk === undefined || chunk === null || typeof chunk === 'function') {
    return [tag, 'latin1', ...given.filter((value) => typeof value === 'function')];
  }
  const isText = typeof chunk === 'string';
  // What is neither is refused by Node.
  if (!isText && !(chunk instanceof Uint8Array)) return given;
  const bytes = isText
    ? Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
    : chunk;
  const rest = given.slice(1).filter((value) => typeof value === 'function');
  return [Buffer.concat([bytes, Buffer.from(tag)]), ...rest];
}
