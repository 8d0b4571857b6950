const OPTION = /^(--import|--require|-r|--loader|--experimental-loader)(?:=(.*))?$/;

/** What Node was told to load before anything else: by its options, or by NODE_OPTIONS. It may watch, or change, all that follows. */
export function loadedFirst(): string[] {
  const options = [...process.execArgv, ...(process.env['NODE_OPTIONS'] ?? '').split(' ')];
  return options.flatMap((option, at) => {
    const [, name, value] = OPTION.exec(option) ?? [];
    return name === undefined ? [] : [value ?? options[at + 1] ?? ''];
  });
}
