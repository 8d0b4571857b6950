import { once } from 'node:events';
import net from 'node:net';

/**
 * Below those that the system gives to whoever asks for any: nobody else is given one before its server has opened it, nor
 * a client for its own end, which would connect to itself while the server is gone.
 */
const FIRST = 10_000;
const LAST = 32_767;
/** Each process that asks for some begins elsewhere. */
const APART = 64;
let last = FIRST + ((process.pid * APART) % (LAST - FIRST));

/** A port that is free on loopback, and that nobody else in this process gets. */
export async function freePort() {
  for (;;) {
    const port = (last = last < LAST ? last + 1 : FIRST);
    if (await isFree(port)) return port;
  }
}

async function isFree(port) {
  const server = net.createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
