import { readFile } from 'node:fs/promises';

/** A file that the server sends as it is. */
export interface Asset {
  type: string;
  body: Buffer;
}

const TYPES: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

/** The files of the page of the restarts; none has anything secret in it. */
export const PAGE_ASSETS: ReadonlySet<string> = new Set([
  'page.css',
  'overview.css',
  'restarts.css',
  'details.css',
  'processes.css',
  'narrow.css',
  'page.js',
  'restarts.js',
  'details.js',
  'overview.js',
  'processes.js',
  'phases.js',
  'format.js',
  'dom.js',
  'icon.svg',
]);

const read = new Map<string, Promise<Asset>>();

/** One of the files in the folder of that name. */
export function asset(name: string): Promise<Asset> {
  const known = read.get(name);
  if (known) return known;
  const type = TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
  const reading = readFile(new URL(`assets/${name}`, import.meta.url)).then((body) => ({ type, body }));
  read.set(name, reading);
  return reading;
}
