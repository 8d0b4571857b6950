// Makes projects as large as a scenario wants them.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const CHILDREN = 10;
const MODULES_PER_PACKAGE = 50;
const FILES_PER_FOLDER = 100;

/** What a module of an app holds besides its imports: some functions, a table, a class. About 1 kB. */
function body(index) {
  return `
const table = new Map([['name', 'module ${index}'], ['group', ${index % 17}], ['size', ${index * 31}]]);

export function describe(key, { upper = false } = {}) {
  const value = String(table.get(key) ?? 'unknown');
  return upper ? value.toUpperCase() : value;
}

export async function load(ids, find) {
  const found = await Promise.all(ids.map((id) => find(id)));
  return found.filter((record) => record !== undefined).map(({ id, ...rest }) => ({ id, ...rest, of: ${index} }));
}

export class Store${index} {
  #records = new Map();

  put(id, record) {
    if (typeof id !== 'string') throw new TypeError('expected a string, got ' + typeof id);
    this.#records.set(id, { ...record, changed: true });
    return this;
  }

  *matching(test) {
    for (const [id, record] of this.#records) if (test(record)) yield [id, record];
  }
}
`;
}

function write(file, text) {
  writeFileSync(file, text);
}

/** A tree of ES modules: each imports up to ten others. The app imports its root, and `saved.js` beside it. */
export function generateModules(dir, count) {
  const folder = path.join(dir, 'modules');
  mkdirSync(folder);
  for (let index = 0; index < count; index++) {
    const children = Array.from({ length: CHILDREN }, (_, child) => index * CHILDREN + child + 1).filter(
      (child) => child < count,
    );
    const imports = children.map((child) => `import { modules as modules${child} } from './${child}.js';\n`);
    const sum = ['1', ...children.map((child) => `modules${child}`)].join(' + ');
    write(path.join(folder, `${index}.js`), `${imports.join('')}${body(index)}\nexport const modules = ${sum};\n`);
  }
}

/** Packages below node_modules, of 50 modules each, CommonJS and ESM in turns; `dependencies.js` imports them. */
export function generateDependencies(dir, count) {
  const names = [];
  for (let made = 0; made < count; made += MODULES_PER_PACKAGE) {
    const isModule = names.length % 2 === 1;
    const name = `dependency-${names.length}`;
    names.push(name);
    generatePackage(path.join(dir, 'node_modules', name), name, Math.min(MODULES_PER_PACKAGE, count - made), isModule);
  }
  const imports = names.map((name, index) => `import package${index} from '${name}';\n`);
  const sum = ['0', ...names.map((_, index) => `package${index}.modules`)].join(' + ');
  write(path.join(dir, 'dependencies.js'), `${imports.join('')}export const dependencies = ${sum};\n`);
}

function generatePackage(dir, name, count, isModule) {
  mkdirSync(path.join(dir, 'lib'), { recursive: true });
  const manifest = {
    name,
    version: '1.0.0',
    type: isModule ? 'module' : 'commonjs',
    main: 'index.js',
    exports: './index.js',
  };
  write(path.join(dir, 'package.json'), JSON.stringify(manifest));
  const rest = Array.from({ length: count - 1 }, (_, index) => index + 1);
  for (const index of rest) {
    const source = body(index);
    // Without its exports a module of CommonJS is the same text.
    const text = isModule
      ? source
      : `${source.replaceAll('export ', '')}\nmodule.exports = { describe, load, Store${index} };\n`;
    write(path.join(dir, 'lib', `${index}.js`), text);
  }
  const imports = rest.map((index) =>
    isModule
      ? `import * as part${index} from './lib/${index}.js';`
      : `const part${index} = require('./lib/${index}.js');`,
  );
  const list = `[${rest.map((index) => `part${index}`).join(', ')}]`;
  const value = `{ modules: 1 + ${list}.length }`;
  write(
    path.join(dir, 'index.js'),
    `${imports.join('\n')}\n${isModule ? 'export default' : 'module.exports ='} ${value};\n`,
  );
}

/** Files that lie in the project and that nothing loads: source text, in folders of a hundred. */
export function generateFiles(dir, count) {
  for (let index = 0; index < count; index++) {
    const folder = path.join(dir, 'packages', `package-${Math.floor(index / FILES_PER_FOLDER)}`, 'src');
    if (index % FILES_PER_FOLDER === 0) mkdirSync(folder, { recursive: true });
    write(path.join(folder, `file-${index}.js`), `export const index = ${index};\n`);
  }
}
