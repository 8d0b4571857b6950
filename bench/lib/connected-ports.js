import { readFileSync } from 'node:fs';

const ESTABLISHED = '01';

/** The ports of clients that have an open connection to a port, as Linux tells: each stands for one connection. */
export function connectedPorts(port) {
  const lines = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1);
  const connections = lines.map((line) => line.trim().split(/\s+/));
  const portOf = (address) => Number.parseInt(address.split(':')[1], 16);
  const open = connections.filter(([, , remote, state]) => state === ESTABLISHED && portOf(remote) === port);
  return new Set(open.map(([, local]) => portOf(local)));
}
