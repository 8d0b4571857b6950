import { canBeTurnedOff, negated, OPTION_TABLE } from '../../dist/options/option-table.js';

/** The tables of docs/options.md: per group a row for each option. `node test/options/documented-rows.js` prints them. */
export function documentedGroups() {
  const groups = {};
  for (const row of OPTION_TABLE) (groups[row.group] ??= []).push(cellsOf(row));
  return groups;
}

const TYPES = {
  list: 'string[]',
  boolean: 'boolean',
  duration: 'duration',
  'whole number': 'number',
  interval: 'boolean or duration',
  port: 'boolean or number',
  address: 'boolean, number or string',
  file: 'string or `false`',
  preload: "`'auto'`, `'prefix'`, string[] or `false`",
};

function cellsOf(row) {
  const joint = row.value?.startsWith('[') ? '' : ' ';
  const on = `\`${row.short ? `${row.short}, ` : ''}${row.flag}${row.value ? joint + row.value : ''}\``;
  const off = `\`${negated(row)}\``;
  const flags =
    row.kind === 'boolean' && row.default
      ? [off]
      : [on, ...(row.kind !== 'boolean' && canBeTurnedOff(row) ? [off] : [])];
  const value = row.defaultText ?? `\`${JSON.stringify(row.default).replaceAll('"', "'")}\``;
  return [
    flags.join(', '),
    `\`${row.name}\``,
    TYPES[row.kind] + (row.kind === 'list' ? ', repeatable' : ''),
    value,
    row.doc,
  ];
}

if (process.argv[1] === import.meta.filename) {
  for (const [group, rows] of Object.entries(documentedGroups())) {
    const lines = [['flag', 'name', 'type', 'default', 'what it does'], Array(5).fill('---'), ...rows].map(
      (cells) => `| ${cells.join(' | ')} |`,
    );
    console.log(`## ${group}\n\n${lines.join('\n')}\n`);
  }
}
