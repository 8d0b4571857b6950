import { spawn, type ChildProcess } from 'node:child_process';

/** Reads lines of process ids until the primary has gone, however it went; then ends those of the last line. */
const SCRIPT = 'while read -r line; do pids=$line; done; [ -z "$pids" ] || { sleep 2; kill -9 $pids 2>/dev/null; }';

/**
 * A worker whose event loop is blocked can't notice that its primary was killed. This process of a few hundred
 * kilobytes does: a shell that waits for the end of its input. Not on Windows.
 */
export class Guardian {
  #shell: ChildProcess | undefined;

  start(): void {
    if (process.platform === 'win32') return;
    const shell = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
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
