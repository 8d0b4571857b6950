import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { RawHandle } from '../../protocol.ts';
import { detachHandle } from './http-connections.ts';
import { listenByNode } from './node-listen.ts';

/** Two ends of a connection within this machine. */
export interface LocalPair {
  near: net.Socket;
  /** To be given to another process. */
  far: RawHandle;
}

/** Connected pairs of local sockets, for which Node has no function: over a socket that only this user can reach. */
export class LocalPairs {
  #server: Promise<net.Server> | undefined;
  #path = '';
  #onFar: ((far: RawHandle | undefined) => void) | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** One after the other, so that it is known which ends belong together. */
  open(): Promise<LocalPair> {
    const pair = this.#last.then(() => this.#open());
    this.#last = pair.catch(() => {});
    return pair;
  }

  async #open(): Promise<LocalPair> {
    await (this.#server ??= this.#listen());
    const far = new Promise<RawHandle | undefined>((resolve) => (this.#onFar = resolve));
    const near = net.connect({ path: this.#path, allowHalfOpen: true });
    await new Promise((resolve, reject) => near.once('connect', resolve).once('error', reject));
    const handle = await far;
    if (!handle) throw new Error('a local connection was closed as soon as it was made');
    return { near, far: handle };
  }

  #listen(): Promise<net.Server> {
    const server = net.createServer({ pauseOnConnect: true }, (socket) => this.#onFar?.(detachHandle(socket)));
    if (process.platform === 'win32') {
      this.#path = `\\\\.\\pipe\\handover-${randomUUID()}`;
    } else {
      const folder = mkdtempSync(path.join(os.tmpdir(), 'handover-'));
      process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
      this.#path = path.join(folder, 'relay');
    }
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.once('listening', () => resolve(server));
      listenByNode(server, this.#path);
      server.unref();
    });
  }
}
