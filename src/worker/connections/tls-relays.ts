import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { RawHandle } from '../../protocol.ts';
import { letGo, setReading } from './http-connections.ts';
import { readAgain } from './late-requests.ts';
import { LocalPairs } from './local-pairs.ts';

/**
 * The TLS ends that stay in this process, since a TLS session can't move. What they carry goes to and from the next
 * generation over a local connection, which moves in their place.
 */
export class TlsRelays {
  readonly #pairs = new LocalPairs();
  readonly #ends = new Set<TLSSocket>();
  #onEmpty: (() => void) | undefined;

  /**
   * Takes an end that is not being read away from its server. Resolves with the descriptor of what it carries;
   * undefined when that can't be had: then it is closed. `late` is what it has given already.
   */
  async begin(end: TLSSocket, late?: Buffer): Promise<RawHandle | undefined> {
    this.#ends.add(end);
    end.once('close', () => {
      this.#ends.delete(end);
      if (this.#ends.size === 0) this.#onEmpty?.();
    });
    try {
      const { near, far } = await this.#pairs.open();
      if (late) {
        near.write(late);
        readAgain(end);
      }
      join(end, near);
      return far;
    } catch {
      end.destroySoon();
      return undefined;
    }
  }

  /** Resolves when all have ended, at the latest after `timeout` ms, with those that were cut then. */
  async ended(timeout: number): Promise<string[]> {
    if (this.#ends.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeout);
        this.#onEmpty = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return [...this.#ends].map((end) => {
      end.destroy();
      return `a connection of ${end.remoteAddress ?? 'a local client'}`;
    });
  }
}

/** What comes from either goes to the other, and so does its end. */
function join(end: TLSSocket, near: Socket): void {
  letGo(end);
  end.allowHalfOpen = true;
  // Once its server has closed it, nothing that its client sends is of use.
  near.on('end', () => end.destroySoon());
  near.on('error', () => end.destroy());
  end.on('error', () => near.destroy());
  end.on('close', () => near.destroy());
  if (end.destroyed) near.destroy();
  near.pipe(end);
  end.pipe(near);
  setReading(end, true);
}
