import { SourceReader, STOP } from './source-reader.ts';

/** A module that a CommonJS file requires at its top, before any other of its code runs. */
export interface PrologueRequire {
  specifier: string;
  /** The file has taken values over before, as by `const { get } = require('http')`: it would see them changed. */
  hasLooked: boolean;
}

/** What compilers put around a require(). Those of `COPYING` may take over what the module has at that time. */
const INTEROP =
  /(?:\(0, ?)?(?:tslib(?:_1)?\.)?(__importDefault|__importStar|__exportStar|__toESM|__reExport|_interopRequireDefault|_interopRequireWildcard|_interop_require_default|_interop_require_wildcard|_export_star)\d?(?:\.(?:_|default))?\)?\((?:[\w$]+, ?(?=require\())?/y;
const COPYING = /Star|Wildcard|wildcard|export_star/;
/** Helpers of TypeScript and esbuild, up to their value. */
const HELPER =
  /__\w+ = \(this && this\.__\w+\) \|\||__(?:create|defProp|defProps|getOwnPropDescs?|getOwnPropNames|getOwnPropSymbols|getProtoOf|hasOwnProp|propIsEnum|defNormalProp|spreadValues|spreadProps|objRest|publicField|name|async|export|copyProps|reExport|toESM|toCommonJS) = (?=Object\.|\()/y;
const GETTER = String.raw`(?:\(\) ?=> ?[\w$.]+|function ?\(\) ?\{\s*return [\w$.]+;?\s*\})`;
/** The exports of a compiled file, before it has values for them. */
const EXPORTS = new RegExp(
  String.raw`Object\.defineProperty\((?:module\.)?exports, ?(["'])[\w$]+\1, ?\{\s*(?:value: ?(?:true|!0)|enumerable: ?true,\s*get: ?${GETTER}),?\s*\}\)` +
    String.raw`|__?export\([\w$]+, ?\{(?:\s*(?:[\w$"']+: ?${GETTER}|get [\w$"']+ ?\(\) ?\{\s*return [\w$.]+;?\s*\}),?)*\s*\}\)`,
  'y',
);
const IMPORT = /import\b(?!\$)\s*(type\s+(?!from\b|,))?(?:[\w$\s,*]*(?:\{[^{}'"`/]*\})?\s*\bfrom\b\s*)?(?=["'])/y;
const EXPORT_FROM = /export\s*(type\s+)?(?:\*(?:\s*as\s+[\w$]+)?|\{[^{}'"`/]*\})\s*from\s*(?=["'])/y;
const LITERAL = /^(?:["'].*|\d+|true|false|null|undefined)$/s;
/** Words that are more than a name where an expression is expected. */
const KEYWORD =
  /^(?:async|await|break|case|class|continue|debugger|default|delete|do|else|export|for|function|if|import|new|return|super|switch|throw|try|typeof|void|while|with|yield)$/;
const NAME = /^[A-Za-z_$][\w$]*$/;

/**
 * What a CommonJS file requires at its top, up to the first statement that may do more. Reads what people write, what
 * TypeScript, Babel, esbuild and swc emit, and `import` declarations, which a loader compiles to require(). Ends at
 * everything that it does not know.
 */
export function requirePrologue(source: string): PrologueRequire[] {
  const prologue = new Prologue(source);
  try {
    while (!prologue.isAtEnd) prologue.statement();
  } catch (error) {
    if (error !== STOP) throw error;
  }
  return prologue.requires;
}

class Prologue {
  readonly requires: PrologueRequire[] = [];
  readonly #reader: SourceReader;
  #hasLooked = false;

  constructor(source: string) {
    this.#reader = new SourceReader(source);
  }

  get isAtEnd(): boolean {
    return this.#reader.token === '';
  }

  statement(): void {
    const reader = this.#reader;
    // A declaration runs nothing, and needs nothing at its end.
    if (reader.matches(/(?:async\s+)?function\b(?!\$)\s*\*?/y)) return this.#function();
    const imports = reader.matches(IMPORT) ?? reader.matches(EXPORT_FROM);
    if (imports) {
      const specifier = reader.next();
      // One of types is not compiled to anything.
      if (imports[1] === undefined) this.#add(specifier);
    } else if (reader.matches(/import\s+[\w$]+\s*=\s*(?=require\b)/y)) this.#required();
    else if (reader.takes('var') || reader.takes('let') || reader.takes('const')) this.#declarations();
    else if (reader.token !== ';' && !reader.matches(EXPORTS)) this.#value();
    this.#endOfStatement();
  }

  #function(): void {
    const name = this.#reader.next();
    if (!NAME.test(name) || name === 'require') throw STOP;
    this.#reader.skip('(');
    this.#reader.skip('{');
  }

  #declarations(): void {
    const reader = this.#reader;
    do {
      if (reader.matches(HELPER)) {
        while (reader.token !== ';') if (reader.skip()[0] === ',') throw STOP;
        return;
      }
      const target = reader.skip();
      if (target.includes('require') || !/^[{[A-Za-z_$]/.test(target[0] as string)) throw STOP;
      const isPattern = target.length > 1;
      if (!reader.takes('=')) {
        if (isPattern) throw STOP;
        continue;
      }
      this.#value();
      this.#hasLooked ||= isPattern;
      // The default of a property or its computed name runs now.
      if (target.some((token) => !/^[\w$'"{}[\],:.]/.test(token))) throw STOP;
    } while (reader.takes(','));
  }

  /** An expression that does nothing but require and look. */
  #value(): void {
    const reader = this.#reader;
    if (reader.matches(/\{(?:\s*[\w$]+: true,?)*\s*\}|void 0\b|__toCommonJS\([\w$]+\)/y)) return;
    if (LITERAL.test(reader.token)) return void reader.next();
    if (reader.matches(/(?:module\s*\.\s*)?exports\b(?!\$)/y)) {
      this.#properties();
      if (reader.takes('=')) this.#value();
      else this.#hasLooked = true;
      return;
    }
    if (this.#required()) return;
    if (!NAME.test(reader.token) || KEYWORD.test(reader.token)) throw STOP;
    const name = reader.next();
    if (this.#properties() || !reader.declaresFunction(name)) this.#hasLooked = true;
  }

  /** A require(), with what is read from it. */
  #required(): boolean {
    const reader = this.#reader;
    const interop = reader.matches(INTEROP)?.[1];
    if (interop !== undefined) {
      if (!this.#required()) throw STOP;
      reader.matches(/(?:,\s*(?:true|1|exports|module\.exports|[\w$]+_exports))*/y);
      reader.expect(')');
      this.#hasLooked ||= COPYING.test(interop);
    } else {
      const isCalled = reader.matches(/(?:new\b\s*)?\(*(?=\s*require\s*\()/y)?.[0] ?? '';
      if (reader.token !== 'require') return false;
      reader.next();
      reader.expect('(');
      const specifier = reader.next();
      reader.expect(')');
      this.#add(specifier);
      if (isCalled !== '') throw STOP;
    }
    this.#hasLooked = this.#properties() || this.#hasLooked;
    return true;
  }

  #add(literal: string): void {
    if (!/^["'][^\\]+["']$/.test(literal)) throw STOP;
    this.requires.push({ specifier: literal.slice(1, -1), hasLooked: this.#hasLooked });
  }

  #properties(): boolean {
    return this.#reader.matches(/(?:\s*\.\s*[A-Za-z_$][\w$]*|\s*\[(["'])[\w$-]+\1\])+/y) !== null;
  }

  /** A line break ends a statement when what follows can't go on with it. */
  #endOfStatement(): void {
    const { token, isAfterLineBreak } = this.#reader;
    if (this.#reader.takes(';') || token === '') return;
    if (!isAfterLineBreak || !/^[\w$'"]/.test(token) || token === 'in' || token === 'instanceof') throw STOP;
  }
}
