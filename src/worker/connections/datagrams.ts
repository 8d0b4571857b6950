import { constants } from 'node:os';
import { keepAlive } from '../../timers.ts';

/** The handle of a bound dgram.Socket (lib/dgram.js, src/udp_wrap.cc, Node 20–26); its results are negative errnos. */
interface DatagramHandle {
  recvStart(): number;
  recvStop(): number;
  close(callback?: () => void): void;
  ref(): void;
  unref(): void;
  addMembership(group: string, address?: string): number;
  dropMembership(group: string, address?: string): number;
  addSourceSpecificMembership(source: string, group: string, address?: string): number;
  dropSourceSpecificMembership(source: string, group: string, address?: string): number;
}

interface Gate {
  /** Starts or stops reading, if the app wants to read. */
  set(reads: boolean): void;
}

/**
 * The UDP sockets that all generations share. Only the one that serves reads them: what comes while none does waits in
 * the kernel.
 */
export class Datagrams {
  readonly #gates = new Set<Gate>();
  #reads = false;

  /** From the commit on, and after a rollback. */
  start(): void {
    this.#set(true);
  }

  /** What is read after the capture of the state would be lost. */
  stop(): void {
    this.#set(false);
  }

  /**
   * Makes the socket of this handle, which others have too, one that is read only while this generation serves. `onClose`:
   * the app has closed it.
   */
  share(handle: object, onClose: () => void): void {
    const socket = handle as DatagramHandle;
    const { recvStart, recvStop, close, ref, unref } = socket;
    let wants = false;
    let alive: NodeJS.Timeout | undefined;
    const rest = (): void => {
      clearInterval(alive);
      alive = undefined;
    };
    const gate: Gate = {
      set(reads) {
        if (!wants) return;
        if (reads) {
          rest();
          recvStart.call(socket);
        } else recvStop.call(socket);
      },
    };
    this.#gates.add(gate);
    socket.recvStart = () => {
      wants = true;
      if (this.#reads) return recvStart.call(socket);
      // As a socket that is being read does.
      alive ??= keepAlive();
      return 0;
    };
    socket.recvStop = () => {
      wants = false;
      rest();
      return recvStop.call(socket);
    };
    socket.close = (callback) => {
      rest();
      this.#gates.delete(gate);
      close.call(socket, callback);
      onClose();
    };
    socket.ref = () => {
      alive?.ref();
      ref.call(socket);
    };
    socket.unref = () => {
      alive?.unref();
      unref.call(socket);
    };
    this.#shareMemberships(socket);
  }

  /** To the kernel it is one socket, which the generation before may have joined to the same groups. */
  #shareMemberships(socket: DatagramHandle): void {
    const joined = new Set<string>();
    const add =
      (join: (...group: string[]) => number) =>
      (...group: string[]): number => {
        const errno = join.apply(socket, group);
        const isOwn = joined.has(String(group));
        joined.add(String(group));
        return errno === -constants.errno.EADDRINUSE && !isOwn ? 0 : errno;
      };
    const drop =
      (leave: (...group: string[]) => number) =>
      (...group: string[]): number => {
        joined.delete(String(group));
        // The generation that serves now is in it.
        return this.#reads ? leave.apply(socket, group) : 0;
      };
    socket.addMembership = add(socket.addMembership);
    socket.dropMembership = drop(socket.dropMembership);
    socket.addSourceSpecificMembership = add(socket.addSourceSpecificMembership);
    socket.dropSourceSpecificMembership = drop(socket.dropSourceSpecificMembership);
  }

  #set(reads: boolean): void {
    this.#reads = reads;
    for (const gate of this.#gates) gate.set(reads);
  }
}
