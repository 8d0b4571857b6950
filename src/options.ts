export type { HandoverOptions, ResolvedOptions } from './options/handover-options.ts';
export { resolveOptions, type OptionSources } from './options/resolve-options.ts';
export {
  nearestPackage,
  readPackageOptions,
  type NearestPackage,
  type PackageOptions,
} from './options/package-json.ts';
export { parseCommandLine, type Command } from './options/command-line.ts';
export { findEntry, type FoundEntry } from './options/find-entry.ts';
export { helpText } from './options/help.ts';
