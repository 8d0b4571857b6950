const OPTION = /^(--import|--require|-r|--loader|--experimental-loader)(?:=(.*))?$/;

const REQUIRES = ['--require', '-r'];

/**
 * What Node was told to load before anything else: by its options, or by NODE_OPTIONS. It may watch, or change, all that
 * follows. `how`: only what is required, or only what is not.
 */
export function loadedFirst(how?: 'import' | 'require'): string[] {
  const options = [...process.execArgv, ...(process.env['NODE_OPTIONS'] ?? '').split(' ')];
  return options.flatMap((option, at) => {
    const [, name, value] = OPTION.exec(option) ?? [];
    const isWanted = how === undefined || (how === 'require') === REQUIRES.includes(name ?? '');
    return name === undefined || !isWanted ? [] : [value ?? options[at + 1] ?? ''];
  });
}
