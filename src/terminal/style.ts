import { styleText } from 'node:util';

export type Color = 'red' | 'green' | 'yellow' | 'dim' | 'bold';

/** Gives a text a colour, or leaves it as it is. */
export type Style = (color: Color, text: string) => string;

export const plain: Style = (_color, text) => text;

export const colored: Style = (color, text) => styleText(color, text, { validateStream: false });

/** Colours only for a person at a terminal that can show them, who has not set NO_COLOR (no-color.org). */
export function styleFor(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): Style {
  return stream.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb' ? colored : plain;
}
