import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { ProcessRestarter } from '../primary/process-restarter.ts';
import type { Terminal } from './terminal.ts';

/** What is typed, each followed by Enter, so that Ctrl+C and the like stay with the terminal. */
const KEYS: readonly [keys: readonly string[], doc: string][] = [
  [['r', 'rs'], 'restart'],
  [['o'], 'open the app in the browser'],
  [['u'], 'show the restarts in the browser'],
  [['c'], 'clear the screen'],
  [['q'], 'quit'],
  [['?', 'h'], 'show this'],
];

/** explorer takes an address with a question mark for the name of a folder. */
const OPENERS: { [platform: string]: [command: string, ...args: string[]] } = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

const CLEAR = '\u001B[2J\u001B[3J\u001B[H';

/** Lets the person at the terminal restart, open, clear and quit; until the app reads its standard input itself. */
export function listenForKeys(restarter: ProcessRestarter, terminal: Terminal, stdin: Readable = process.stdin): void {
  let rest = '';
  const read = (text: string): void => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) press(line.trim().toLowerCase(), restarter, terminal);
  };
  stdin.setEncoding('utf8').on('data', read);
  restarter.on('readsInput', () => stdin.off('data', read).pause());
  restarter.once('receipt', () => terminal.hint('? and Enter: keys'));
}

function press(key: string, restarter: ProcessRestarter, terminal: Terminal): void {
  switch (key) {
    case 'r':
    case 'rs':
      void restarter.restart('key r');
      break;
    case 'o':
      open(restarter.url, terminal, 'there is nothing to open: the app does not listen by HTTP');
      break;
    case 'u':
      open(restarter.uiUrl, terminal, 'there is no page of the restarts: start handover with --ui');
      break;
    case 'c':
      if (process.env['TERM'] !== 'dumb') terminal.write(CLEAR);
      break;
    case 'q':
      process.kill(process.pid, 'SIGINT');
      break;
    case '?':
    case 'h':
      for (const [keys, doc] of KEYS) terminal.info(`  ${keys.join(', ').padEnd(6)} ${doc}`);
      break;
    default:
      if (key !== '') terminal.hint(`there is no key ${JSON.stringify(key)}; ? shows them`);
  }
}

function open(url: string | undefined, terminal: Terminal, reasonForNone: string): void {
  if (!url) {
    terminal.warn(reasonForNone);
    return;
  }
  const [command, ...args] = OPENERS[process.platform] ?? ['xdg-open'];
  const opener = spawn(command, [...args, url], { stdio: 'ignore', detached: true });
  opener.on('error', () => terminal.warn(`${url} could not be opened: there is no ${command}`));
  opener.unref();
}
