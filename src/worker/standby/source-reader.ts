const GAP = /(?:\s|\/\/.*$|\/\*(?:[^*]|\*(?!\/))*\*\/)*/my;
const TOKEN = /[\w$]+|'(?:[^'\\\r\n]|\\[^])*'|"(?:[^"\\\r\n]|\\[^])*"|<(?!!--)|-(?!->)|[{}()[\].,;:=?&|!>+*%^~]/y;
const CLOSING = new Map([
  ['{', '}'],
  ['(', ')'],
  ['[', ']'],
]);

/** Thrown where reading ends. */
export const STOP: unique symbol = Symbol('stop');

/**
 * Reads source code token by token. Knows no template literals and nothing with a slash, which may begin a regular
 * expression: where one comes, the token is a line break, which is no token.
 */
export class SourceReader {
  /** What comes next; empty at the end. */
  token = '';
  isAfterLineBreak = false;
  readonly #source: string;
  #at: number;

  constructor(source: string) {
    this.#source = source;
    this.#at = /^(?:#!.*)?/.exec(source)?.[0].length ?? 0;
    this.#read();
  }

  next(): string {
    const { token } = this;
    this.#at += token.length;
    this.#read();
    return token;
  }

  takes(token: string): boolean {
    if (this.token !== token) return false;
    this.next();
    return true;
  }

  /** Takes what a sticky expression matches here. */
  matches(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#source);
    if (match) {
      this.#at = pattern.lastIndex;
      this.#read();
    }
    return match;
  }

  /** Whether the source has a function of that name, which is there before anything runs. */
  declaresFunction(name: string): boolean {
    return new RegExp(String.raw`\bfunction\s*\*?\s*${name.replaceAll('$', String.raw`\$`)}\s*\(`).test(this.#source);
  }

  expect(token: string): void {
    if (!this.takes(token)) throw STOP;
  }

  /** Skips a token, or from a bracket to the one that closes it. Returns what was skipped. */
  skip(expected: string = this.token): string[] {
    if (this.token !== expected) throw STOP;
    const skipped: string[] = [];
    const open: string[] = [];
    do {
      if (this.token === '' || this.token === '\n') throw STOP;
      const token = this.next();
      skipped.push(token);
      const closing = CLOSING.get(token);
      if (closing) open.push(closing);
      else if (/^[})\]]$/.test(token) && open.pop() !== token) throw STOP;
    } while (open.length > 0);
    return skipped;
  }

  #read(): void {
    GAP.lastIndex = this.#at;
    const gap = GAP.exec(this.#source)?.[0] ?? '';
    this.#at += gap.length;
    this.isAfterLineBreak = /[\n\r\u2028\u2029]/.test(gap);
    TOKEN.lastIndex = this.#at;
    this.token = TOKEN.exec(this.#source)?.[0] ?? (this.#at < this.#source.length ? '\n' : '');
  }
}
