import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HandoverError, messageOf } from '../errors.ts';

const HOST = '127.0.0.1';

/** So many ports are tried, one after the other. */
const MOST_TRIES = 10;

const LARGEST_PORT = 65_535;

/**
 * Lets a server listen on loopback alone: at this port, or at the next one that is free. `orAny`: at whichever, when
 * none of these is. Returns the port.
 *
 * @throws HandoverError UI_PORT_TAKEN
 */
export async function listenNear(server: Server, first: number, { orAny }: { orAny: boolean }): Promise<number> {
  const last = first === 0 ? 0 : Math.min(first + MOST_TRIES - 1, LARGEST_PORT);
  let cause: unknown;
  for (let port = first; port <= last; port++) {
    try {
      return await listen(server, port);
    } catch (error) {
      cause = error;
    }
  }
  if (orAny) return await listen(server, 0);
  throw new HandoverError(
    'UI_PORT_TAKEN',
    `none of the ports ${first} to ${last} could be opened for the page of the restarts (${messageOf(cause)}); name another one: --ui=${first + 1000 <= LARGEST_PORT ? first + 1000 : 0}`,
    { cause },
  );
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen({ port, host: HOST, exclusive: true });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
