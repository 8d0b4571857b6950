import { pathToFileURL } from 'node:url';
import { LoadedModules } from '../../dist/watch/loaded-modules.js';

export const app = (name) => `/app/${name}`;
export const dependency = (name) => `/app/node_modules/${name}/index.js`;
export const url = (file) => pathToFileURL(file).href;

export const imports = (file, isDynamic = false) => ({
  specifier: file,
  isDynamic,
  isData: false,
  hasLooked: false,
  url: url(file),
});

export const read = (...list) => ({ format: 'import', list });

/** What a CommonJS file requires at its top; after a `null` it has looked at something. */
export const top = (...files) => ({
  format: 'require',
  list: files.flatMap((file, at) =>
    file === null ? [] : [{ ...imports(file), hasLooked: files.slice(0, at).includes(null) }],
  ),
});

/** What a generation has loaded: ES modules of the app with their imports, CommonJS files with what they require. */
export function loadedBy({ modules = {}, required = {} }) {
  const loaded = new LoadedModules();
  const files = Object.entries(modules).flatMap(([file, list]) => [file, ...list]);
  loaded.add({ 'watch:import': files.map(url) });
  loaded.add({ 'watch:require': Object.values(required).flat() });
  loaded.setRequired(required);
  return loaded;
}

/** What is read of the ES modules. */
export function importsOf({ modules = {} }) {
  return Object.fromEntries(
    Object.entries(modules).map(([file, list]) => [file, read(...list.map((one) => imports(one)))]),
  );
}

/** An app of ES modules, from main.mjs on. */
export const NESTED = {
  modules: {
    [app('main.mjs')]: [dependency('a'), app('env.mjs'), dependency('b')],
    [app('env.mjs')]: [dependency('c')],
  },
};

/** An app of CommonJS, from main.cjs on. */
export const COMMON = {
  required: {
    [app('main.cjs')]: [dependency('a'), app('env.cjs'), dependency('b'), dependency('c')],
    [app('env.cjs')]: [dependency('d'), dependency('e')],
  },
};
