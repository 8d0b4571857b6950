import path from 'node:path';
import { inspect } from 'node:util';
import { HandoverError } from '../errors.ts';
import { checkOption } from './check-option.ts';
import type { HandoverOptions, ResolvedOptions } from './handover-options.ts';
import { negated, OPTION_TABLE, type OptionName, type OptionRow } from './option-table.ts';
import type { PackageOptions } from './package-json.ts';
import { closestName } from './suggestion.ts';

/** Where options come from. */
export interface OptionSources {
  /** What the function of `place` was called with. */
  call?: HandoverOptions | undefined;
  /** From readPackageOptions(). */
  packageJson?: PackageOptions | undefined;
  /** From parseCommandLine(). */
  flags?: HandoverOptions | undefined;
  /** How errors call the place of `call`, such as `runPrimary()`. */
  place: string;
}

interface Source {
  values: Record<string, unknown>;
  /** How errors call one of its options. */
  placeOf: (name: string) => string;
  /** The folder that its paths are relative to; undefined: the working folder. */
  folder?: string;
}

/**
 * All options: flags win over the call, over package.json, over the defaults. An option that is `undefined` counts
 * as not given. What this returns can be resolved again.
 *
 * @throws HandoverError UNKNOWN_OPTION for a name that is none, INVALID_OPTION for a value of the wrong type or range
 * and for options that contradict each other
 */
export function resolveOptions(sources: OptionSources): ResolvedOptions {
  const bySource = sourcesOf(sources);
  for (const source of bySource) refuseUnknown(source);
  const resolved: Record<string, unknown> = {};
  const places: Partial<Record<OptionName, string>> = {};
  for (const row of OPTION_TABLE) {
    // Each given value is checked, so that a mistake does not wait for the day when nothing overrides it.
    for (const source of bySource) {
      const value = source.values[row.name];
      if (value === undefined) continue;
      const place = source.placeOf(row.name);
      const checked = checkOption(row, value, place);
      if (row.name in resolved) continue;
      resolved[row.name] = rebase(row.name, checked, source.folder);
      places[row.name] = place;
    }
    if (!(row.name in resolved)) {
      resolved[row.name] = row.default === undefined ? undefined : checkOption(row, row.default, row.name);
    }
  }
  const options = resolved as unknown as ResolvedOptions;
  refuseContradiction(options, places);
  return options;
}

/** The one that wins first. */
function sourcesOf({ call, packageJson, flags, place }: OptionSources): Source[] {
  const sources: Source[] = [];
  if (flags !== undefined) sources.push({ values: { ...flags }, placeOf: flagOf });
  if (call !== undefined) {
    if (typeof call !== 'object' || call === null || Array.isArray(call)) {
      throw new HandoverError('INVALID_OPTION', `${place}: expected an object of options, got ${inspect(call)}`);
    }
    sources.push({ values: { ...call }, placeOf: (name) => `${place}: ${name}` });
  }
  if (packageJson) {
    const { file, options } = packageJson;
    sources.push({ values: options, placeOf: (name) => `"handover" in ${file}: ${name}`, folder: path.dirname(file) });
  }
  return sources;
}

function flagOf(name: string): string {
  return OPTION_TABLE.find((row) => row.name === name)?.flag ?? name;
}

function refuseUnknown({ values, placeOf }: Source): void {
  const names = OPTION_TABLE.map((row): string => row.name);
  for (const name of Object.keys(values)) {
    if (names.includes(name)) continue;
    const suggestion = closestName(name, names);
    throw new HandoverError(
      'UNKNOWN_OPTION',
      `${placeOf(name)}: there is no such option; ${suggestion ? `did you mean ${suggestion}?` : `there are ${names.join(', ')}`}`,
    );
  }
}

/** The paths in a package.json are relative to it, wherever handover is called. */
function rebase(name: OptionName, value: unknown, folder: string | undefined): unknown {
  if (folder === undefined) return value;
  if (name === 'watch') return (value as string[]).map((file) => path.resolve(folder, file));
  if (name === 'snapshot' && typeof value === 'string') return path.resolve(folder, value);
  return value;
}

function refuseContradiction(options: ResolvedOptions, places: Partial<Record<OptionName, string>>): void {
  if (!options.persist || options.snapshot !== false) return;
  const persist = OPTION_TABLE.find(({ name }): boolean => name === 'persist') as OptionRow;
  throw new HandoverError(
    'INVALID_OPTION',
    `${places.persist} (true) keeps the snapshot that ${places.snapshot} (false) turns off; ` +
      `set persist to false (${negated(persist)}) or give snapshot a file`,
  );
}
