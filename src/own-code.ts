import { fileURLToPath } from 'node:url';

const OWN_FOLDER = fileURLToPath(new URL('.', import.meta.url));

/** Whether a file is this package's own code, which is no app even when it is not installed under node_modules. */
export function isOwn(file: string): boolean {
  return file.startsWith(OWN_FOLDER);
}
