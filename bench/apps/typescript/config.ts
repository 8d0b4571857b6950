export interface Config {
  readonly host: string;
  readonly port: number;
}

export function readConfig(environment: NodeJS.ProcessEnv): Config {
  return { host: '127.0.0.1', port: Number(environment['PORT']) };
}
