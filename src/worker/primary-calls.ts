import { readSync, writeSync } from 'node:fs';
import { CALL_FD, type Call, type ListenAnswer, type ListenQuery } from '../protocol.ts';

const NEWLINE = 10;

/** Asks the primary for a listener and blocks until it answers (about 0.2 ms). */
export function callListen(query: ListenQuery): ListenAnswer {
  write({ type: 'listen', query });
  return JSON.parse(readLine()) as ListenAnswer;
}

/** Tells the primary that the app has closed a listener. When it returns the port refuses, as after any close(). */
export function callClose(listener: number): void {
  try {
    write({ type: 'close', listener });
    readLine();
  } catch {
    // The primary has gone and its listeners with it.
  }
}

function write(call: Call): void {
  writeSync(CALL_FD, `${JSON.stringify(call)}\n`);
}

function readLine(): string {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.alloc(4096);
    const length = readSync(CALL_FD, chunk);
    if (length === 0) throw new Error('the primary has gone');
    chunks.push(chunk.subarray(0, length));
    if (chunk[length - 1] === NEWLINE) return Buffer.concat(chunks).toString();
  }
}
