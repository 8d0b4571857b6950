import { X509Certificate } from 'node:crypto';
import type { AddressInfo, Socket } from 'node:net';
import { TLSSocket, type PeerCertificate } from 'node:tls';

/** What an app can ask a TLSSocket for, as it crosses the process boundary. */
export interface TlsFacts {
  address: AddressInfo | Record<string, never>;
  remoteAddress?: string | undefined;
  remotePort?: number | undefined;
  remoteFamily?: string | undefined;
  authorized: boolean;
  authorizationError: unknown;
  alpnProtocol: string | false | null;
  servername: string | false | null;
  /** DER, as base64: that of the client, then those of its issuers. */
  peerCertificates: string[];
  certificate: string | undefined;
  /** By the name of the method that returns it. */
  answers: Record<string, unknown>;
  /** The same, as base64. */
  buffers: Record<string, string | undefined>;
}

const ANSWERS = ['getCipher', 'getProtocol', 'getEphemeralKeyInfo', 'getSharedSigalgs', 'isSessionReused'] as const;
const BUFFERS = ['getFinished', 'getPeerFinished', 'getSession', 'getTLSTicket'] as const;

export function tlsFactsOf(socket: TLSSocket): TlsFacts {
  const base64 = (bytes: Buffer | undefined): string | undefined => bytes?.toString('base64');
  const peerCertificates: string[] = [];
  let peer = socket.getPeerX509Certificate();
  while (peer && peerCertificates.length < 10) {
    peerCertificates.push(peer.raw.toString('base64'));
    peer = peer.issuerCertificate;
  }
  const { remoteAddress, remotePort, remoteFamily, authorized, authorizationError, alpnProtocol } = socket;
  return {
    address: socket.address(),
    remoteAddress,
    remotePort,
    remoteFamily,
    authorized,
    authorizationError,
    alpnProtocol,
    servername: (socket as unknown as { servername: string | false | null }).servername,
    peerCertificates,
    certificate: base64(socket.getX509Certificate()?.raw),
    answers: Object.fromEntries(ANSWERS.map((name) => [name, socket[name]()])),
    buffers: Object.fromEntries(BUFFERS.map((name) => [name, base64(socket[name]())])),
  };
}

/**
 * Makes a TLSSocket, to all that an app can see, of the socket of a relayed connection. It can't do what needs the TLS
 * session itself, which is in an earlier process.
 */
export function asTlsSocket(socket: Socket, facts: TlsFacts): TLSSocket {
  Object.setPrototypeOf(socket, RELAYED);
  const { authorized, authorizationError, alpnProtocol, servername } = facts;
  return Object.assign(
    socket as TLSSocket,
    {
      [FACTS]: facts,
      encrypted: true,
      authorized,
      authorizationError,
      alpnProtocol,
      servername,
      secureConnecting: false,
    } as object,
  );
}

const FACTS = Symbol('handover.tlsFacts');

interface Relayed {
  [FACTS]: TlsFacts;
}

type Read = (facts: TlsFacts) => unknown;

const getter = (read: Read): PropertyDescriptor => ({
  configurable: true,
  get(this: Relayed) {
    return read(this[FACTS]);
  },
});

const method = (read: (facts: TlsFacts, ...args: unknown[]) => unknown): PropertyDescriptor => ({
  configurable: true,
  writable: true,
  value(this: Relayed, ...args: unknown[]) {
    return read(this[FACTS], ...args);
  },
});

const impossible = (name: string): PropertyDescriptor =>
  method(() => {
    throw new Error(`${name}() needs the TLS session, which stayed in the process that has accepted this connection`);
  });

const RELAYED: object = Object.create(TLSSocket.prototype, {
  remoteAddress: getter((facts) => facts.remoteAddress),
  remotePort: getter((facts) => facts.remotePort),
  remoteFamily: getter((facts) => facts.remoteFamily),
  localAddress: getter(({ address }) => address.address),
  localPort: getter(({ address }) => address.port),
  localFamily: getter(({ address }) => address.family),
  address: method(({ address }) => ({ ...address })),
  ...Object.fromEntries(ANSWERS.map((name) => [name, method(({ answers }) => answers[name])])),
  ...Object.fromEntries(BUFFERS.map((name) => [name, method(({ buffers }) => bufferOf(buffers[name]))])),
  getPeerCertificate: method(({ peerCertificates }, isDetailed) => legacyChain(peerCertificates, isDetailed === true)),
  getPeerX509Certificate: method(({ peerCertificates }) => chain(peerCertificates)),
  getCertificate: method(({ certificate }) => x509(certificate)?.toLegacyObject() ?? {}),
  getX509Certificate: method(({ certificate }) => x509(certificate)),
  exportKeyingMaterial: impossible('exportKeyingMaterial'),
  setMaxSendFragment: method(() => false),
  renegotiate: method(() => false),
  disableRenegotiation: method(() => undefined),
  enableTrace: method(() => undefined),
});

function bufferOf(base64: string | undefined): Buffer | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64');
}

function x509(base64: string | undefined): X509Certificate | undefined {
  return base64 === undefined ? undefined : new X509Certificate(Buffer.from(base64, 'base64'));
}

function chain(certificates: string[]): X509Certificate | undefined {
  return certificates.reduceRight<X509Certificate | undefined>((issuer, base64) => {
    const certificate = x509(base64) as X509Certificate;
    return issuer ? Object.defineProperty(certificate, 'issuerCertificate', { value: issuer }) : certificate;
  }, undefined);
}

function legacyChain(certificates: string[], isDetailed: boolean): object {
  const [own, ...issuers] = certificates.map((base64) => x509(base64)?.toLegacyObject() as PeerCertificate);
  if (!own) return {};
  if (!isDetailed) return own;
  let last = own as PeerCertificate & { issuerCertificate?: PeerCertificate };
  for (const issuer of issuers) last = last.issuerCertificate = issuer;
  // As Node has it for one that has signed itself.
  last.issuerCertificate = last;
  return own;
}
