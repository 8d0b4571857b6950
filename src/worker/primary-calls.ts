import { readSync, writeSync } from 'node:fs';
import { FrameReader } from '../blob-frames.ts';
import { CALL_FD, type Call, type BindQuery, type ListenQuery, type PortAnswer } from '../protocol.ts';
import { ArrivingState } from './keep/arriving-state.ts';

const NEWLINE = 10;
/** Bytes of state that are read at once. */
const STATE_BUFFER = 256 * 1024;

/** Asks the primary for a listener and blocks until it answers (about 0.2 ms). */
export function callListen(query: ListenQuery): PortAnswer {
  write({ type: 'listen', query });
  return JSON.parse(readLine()) as PortAnswer;
}

/** Asks the primary for a UDP socket, which follows the answer in a message. */
export function callBind(query: BindQuery): PortAnswer {
  write({ type: 'bind', query });
  return JSON.parse(readLine()) as PortAnswer;
}

/** Tells the primary that the app has closed a port. When it returns the port refuses, as after any close(). */
export function callClose(port: number): void {
  try {
    write({ type: 'close', port });
    readLine();
  } catch {
    // The primary has gone and its ports with it.
  }
}

/**
 * Asks the primary for the state of the generation before and blocks until it has come. It is decoded while the rest of
 * it is serialized. undefined: there is none.
 */
export function callState(): ArrivingState | undefined {
  const arrived: { state?: ArrivingState; isWhole: boolean } = { isWhole: false };
  const frames = new FrameReader({
    begin() {},
    write: (bytes) => (arrived.state ??= new ArrivingState()).write(bytes),
    end: () => {
      arrived.state?.end();
      arrived.isWhole = true;
    },
    // The generation before has died meanwhile: what is known of its state follows.
    abort: () => delete arrived.state,
  });
  const buffer = Buffer.allocUnsafeSlow(STATE_BUFFER);
  write({ type: 'state' });
  while (!arrived.isWhole) frames.read(read(buffer));
  return arrived.state;
}

function write(call: Call): void {
  writeSync(CALL_FD, `${JSON.stringify(call)}\n`);
}

function readLine(): string {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = read(Buffer.alloc(4096));
    chunks.push(chunk);
    if (chunk.at(-1) === NEWLINE) return Buffer.concat(chunks).toString();
  }
}

/** What there is, at least one byte. */
function read(buffer: Buffer): Buffer {
  const length = readSync(CALL_FD, buffer);
  if (length === 0) throw new Error('the primary has gone');
  return buffer.subarray(0, length);
}
