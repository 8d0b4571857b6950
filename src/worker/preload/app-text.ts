import { readFileSync } from 'node:fs';

/** What can't be followed: who speaks of it may see, or change, what a dependency does in a way that nobody notes. */
const UNTRACKED = /\brequire\.cache\b|\b_cache\b|\bmoduleLoadList\b|\brunInThisContext\b|\bsetFlagsFromString\b/;

/** The source of the app's files, as far as it tells what they may have to do with a dependency. */
export class AppText {
  readonly #files: readonly string[];
  readonly #texts = new Map<string, string>();

  /** `files`: paths, and data: URLs, in the order in which a cold start evaluates them. */
  constructor(files: readonly string[]) {
    this.#files = files;
  }

  /** The first file, from `from` up to but not including `to`, that speaks of a name. */
  findName(name: string, from: number = 0, to: number = this.#files.length): string | undefined {
    return this.#files.slice(from, to).find((file) => mentions(this.#textOf(file), name));
  }

  /** The same for a string. */
  findString(text: string, from: number, to: number): string | undefined {
    const [first] = ["'", '"', '`'].flatMap((quote) => this.findName(quote + text + quote, from, to) ?? []);
    return first;
  }

  /** The first of the first `count` files that does what can't be followed. */
  findUntracked(count: number): string | undefined {
    return this.#files.slice(0, count).find((file) => UNTRACKED.test(this.#textOf(file)));
  }

  /** Files may have changed since they were read. */
  forget(): void {
    this.#texts.clear();
  }

  #textOf(file: string): string {
    let text = this.#texts.get(file);
    if (text === undefined) {
      text = read(file);
      this.#texts.set(file, text);
    }
    return text;
  }
}

function mentions(text: string, name: string): boolean {
  if (name === '' || !text.includes(name)) return false;
  return new RegExp(`(?<![\\w$])${name.replace(/[^\w]/g, String.raw`\$&`)}(?![\\w$])`).test(text);
}

function read(file: string): string {
  try {
    if (file.startsWith('data:')) return textOf(file);
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function textOf(url: string): string {
  const begin = url.indexOf(',');
  const text = decodeURIComponent(url.slice(begin + 1));
  return url.slice(0, begin).endsWith(';base64') ? Buffer.from(text, 'base64').toString() : text;
}
