import { styleText } from 'node:util';

export type Color = 'red' | 'green' | 'yellow' | 'dim' | 'bold';

/** Gives a text a colour, or leaves it as it is. */
export type Style = (color: Color, text: string) => string;

export const plain: Style = (_color, text) => text;

export const colored: Style = (color, text) => styleText(color, text, { validateStream: false });

/** Values of FORCE_COLOR that ask for colours (lib/internal/tty.js); any other one forbids them. */
const FORCING = ['', '1', 'true', '2', '3'];

/**
 * Colours only for a person at a terminal that can show them, who has not set NO_COLOR (no-color.org). FORCE_COLOR
 * decides before all that, as it does for Node.js.
 */
export function styleFor(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): Style {
  const force = env['FORCE_COLOR'];
  if (force !== undefined) return FORCING.includes(force) ? colored : plain;
  return stream.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb' ? colored : plain;
}
