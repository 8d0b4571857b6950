import { setTimeout as delay } from 'node:timers/promises';
import type { RawHandle } from '../../protocol.ts';

/** The handle of a dgram.Socket (lib/dgram.js, Node 20–26). */
interface DatagramHandle extends RawHandle {
  recvStart(): number;
  recvStop(): number;
  hasRef(): boolean;
}

/** Longest delay of a timer. */
const NEVER = 2 ** 31 - 1;

/** What has been read may be answered a little later; nobody can tell when that is done. In milliseconds. */
const ANSWER_GRACE = 100;

/** The UDP sockets that this process shares with the other generations: only one of them reads at a time. */
export class DatagramSockets {
  /** With what makes them read or not, as the app wishes. */
  readonly #open = new Map<DatagramHandle, () => number>();
  #isReading = true;
  /** One that is not read keeps no process alive, as one does that waits for datagrams. */
  #alive: NodeJS.Timeout | undefined;

  /** `onClose` is called when the app has closed it. */
  add(raw: RawHandle, onClose: () => void): void {
    const handle = raw as DatagramHandle;
    const { recvStart, recvStop, close } = handle;
    let isWanted = false;
    const apply = (): number => (isWanted && this.#isReading ? recvStart : recvStop).call(handle);
    handle.recvStart = () => {
      isWanted = true;
      this.#keepAlive();
      return apply();
    };
    handle.recvStop = () => {
      isWanted = false;
      return apply();
    };
    handle.close = (callback) => {
      this.#open.delete(handle);
      this.#keepAlive();
      close.call(handle, callback);
      onClose();
    };
    this.#open.set(handle, apply);
  }

  /** What is not read waits in the kernel for the next generation. */
  setReading(isReading: boolean): void {
    this.#isReading = isReading;
    for (const apply of this.#open.values()) apply();
    this.#keepAlive();
  }

  /** Reads no more, and leaves time for the answers. */
  async drain(): Promise<void> {
    this.setReading(false);
    if (this.#open.size > 0) await delay(ANSWER_GRACE);
  }

  #keepAlive(): void {
    clearInterval(this.#alive);
    const waits = !this.#isReading && [...this.#open.keys()].some((handle) => handle.hasRef());
    this.#alive = waits ? setInterval(() => {}, NEVER) : undefined;
  }
}
