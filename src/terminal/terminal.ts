import { formatFailure, locateFailure, type StartFailure } from './failure.ts';
import { formatReceipt, type Receipt } from './receipt.ts';
import { styleFor, type Style } from './style.ts';
import { wrapText } from './text-width.ts';

/** What a Terminal writes to. */
export interface TerminalStream {
  write(text: string): unknown;
  isTTY?: boolean;
  /** How wide it is, when it is a terminal. */
  columns?: number;
}

export interface TerminalOptions {
  /** Default: stderr, since stdout belongs to the app. */
  stream?: TerminalStream;
  /** NO_COLOR, FORCE_COLOR and TERM are read. Default: `process.env`. */
  env?: NodeJS.ProcessEnv;
  /** Paths are shown relative to it. Default: the working folder. */
  cwd?: string;
}

/** Writes what the person sees: in colours, and in lines that fit, when the stream is a terminal. */
export class Terminal {
  readonly #stream: TerminalStream;
  readonly #style: Style;
  readonly #cwd: string;
  #attempt = 0;
  #lastFailure: string | undefined;

  constructor({ stream = process.stderr, env = process.env, cwd = process.cwd() }: TerminalOptions = {}) {
    this.#stream = stream;
    this.#style = styleFor(stream, env);
    this.#cwd = cwd;
  }

  info(message: string): void {
    this.#writeLine(this.#wrap(message));
  }

  /** Something that need not be read. */
  hint(message: string): void {
    this.#writeLine(this.#style('dim', this.#wrap(message)));
  }

  /** As it is. */
  write(text: string): void {
    this.#stream.write(text);
  }

  warn(message: string): void {
    this.#writeLine(this.#style('yellow', this.#wrap(`⚠ ${message}`)));
  }

  error(message: string): void {
    this.#writeLine(this.#style('red', this.#wrap(`✗ ${message}`)));
  }

  receipt(receipt: Receipt): void {
    this.newAttempt();
    this.#writeLine(this.#style('green', formatReceipt(receipt, this.#cwd, this.#columns)));
  }

  /** Another start begins: its failure is told even if it is the same as the last one. */
  newAttempt(): void {
    this.#attempt++;
    this.#lastFailure = undefined;
  }

  /**
   * Tells a failed start, once for each attempt. Resolves when it is written: finding a syntax error takes a moment,
   * and when another attempt has begun by then it is dropped as outdated.
   *
   * @param files where a syntax error is looked for, absolute; the most likely ones first
   */
  async failure(failure: StartFailure, files: readonly string[] = []): Promise<void> {
    const attempt = this.#attempt;
    const location = failure.location ?? (await locateFailure(failure.error, files));
    if (attempt !== this.#attempt) return;
    const text = formatFailure({ ...failure, location, cwd: failure.cwd ?? this.#cwd }, this.#style, this.#columns);
    if (text === this.#lastFailure) return;
    this.#lastFailure = text;
    this.#writeLine(text);
  }

  /** A terminal that does not tell, or one of no width as some programs open, is as wide as need be. */
  get #columns(): number | undefined {
    return (this.#stream.isTTY && this.#stream.columns) || undefined;
  }

  #wrap(text: string): string {
    return wrapText(text, this.#columns);
  }

  #writeLine(text: string): void {
    this.#stream.write(`${text}\n`);
  }
}
