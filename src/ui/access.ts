import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** The names of the loopback interface, as they stand in Host and in Origin. */
const OWN_HOSTS = ['127.0.0.1', 'localhost', '[::1]'];

/** A host that no other machine has: 127.0.0.0/8, ::1, and what browsers resolve to them without asking anybody. */
const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|\[::1\]|(?:[\w-]+\.)*localhost)$/i;

/** Nobody can guess it; no two primaries have the same. */
export function newToken(): string {
  return randomBytes(18).toString('base64url');
}

/** Takes as long wherever the two differ. */
export function isToken(given: string | null, token: string): boolean {
  const [one, other] = [Buffer.from(given ?? ''), Buffer.from(token)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** Why nobody may have asked under that name, such as one that was bound anew to 127.0.0.1; undefined: it is ours. */
export function refuseHost({ headers }: IncomingMessage, port: number): string | undefined {
  return ownNames(port).includes(headers.host ?? '')
    ? undefined
    : `this is handover at 127.0.0.1:${port}, and no other host`;
}

/** Why a page must not use what is for handover's own page; undefined: it may. */
export function refusePage({ headers: { origin } }: IncomingMessage, port: number): string | undefined {
  const origins = ownNames(port).map((host) => `http://${host}`);
  return origin === undefined || origins.includes(origin)
    ? undefined
    : 'this is for the page of handover, not for those of other origins';
}

/** Whether a page has come from this machine: it may read what is for the app's pages without a token. */
export function isFromLoopback(origin: string | undefined): boolean {
  const host = /^https?:\/\/(\[[^\]]*\]|[^:/]+)(?::\d+)?$/.exec(origin ?? '')?.[1];
  return host !== undefined && LOOPBACK.test(host);
}

/** A browser leaves the port 80 out. */
function ownNames(port: number): string[] {
  return OWN_HOSTS.flatMap((host) => [`${host}:${port}`, ...(port === 80 ? [host] : [])]);
}
