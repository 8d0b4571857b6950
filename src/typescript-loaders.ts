/** Options that name a loader of TypeScript. */
export const TYPESCRIPT_LOADER: RegExp = /\b(tsx|ts-node|swc|esbuild|jiti|sucrase|tsimp)\b/;

export const SWC_NODE: RegExp = /@swc-node[\\/]register\b/;
