import { spawn, type ChildProcess } from 'node:child_process';
import { TREE_ENV } from '../protocol.ts';

export interface GuardianOptions {
  /** How the marks of all workers begin (see TREE_ENV). */
  mark: string;
  /** What the workers have started has this long to end, in milliseconds. */
  shutdownTimeout: number;
}

/**
 * Reads lines of process ids until the primary has gone, however it went; then ends those of the last line, and what they
 * have started, as far as their marks can be read (Linux).
 */
const script = ({ mark, shutdownTimeout }: GuardianOptions): string => `
while read -r line; do pids=$line; done
[ -n "$pids" ] || exit
sleep 2
kill -9 $pids
tree() { grep -ls '${TREE_ENV}=${mark}-' /proc/[0-9]*/environ | while IFS=/ read -r _ _ pid _; do echo "$pid"; done; }
seconds=${Math.ceil(shutdownTimeout / 1000)}
kill $(tree)
while [ -n "$(tree)" ] && [ $seconds -gt 0 ]; do sleep 1; seconds=$((seconds - 1)); done
kill -9 $(tree)`;

/**
 * A worker whose event loop is blocked can't notice that its primary was killed, nor can a killed one end what it has
 * started. This process of a few hundred kilobytes does: a shell that waits for the end of its input. Not on Windows.
 */
export class Guardian {
  readonly #options: GuardianOptions;
  #shell: ChildProcess | undefined;

  constructor(options: GuardianOptions) {
    this.#options = options;
  }

  start(): void {
    if (process.platform === 'win32') return;
    const shell = spawn('/bin/sh', ['-c', script(this.#options)], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    // Without it only a blocked worker would outlive a killed primary.
    shell.on('error', () => {});
    shell.stdin?.on('error', () => {});
    shell.unref();
    (shell.stdin as { unref?(): void } | null)?.unref?.();
    this.#shell = shell;
  }

  watch(pids: number[]): void {
    this.#shell?.stdin?.write(`${pids.join(' ')}\n`);
  }

  stop(): void {
    this.watch([]);
    this.#shell?.stdin?.end();
  }
}
