import { ArrivingState } from './arriving-state.ts';
import { KeepStore } from './keep-store.ts';

/** Something of each kind that apps keep, apart from classes of their own. */
const example = (): unknown => ({
  map: new Map<unknown, unknown>([
    ['a', { id: 1, name: 'one', price: 1.5, at: new Date(0), tags: ['x', null, true] }],
    [2, new Set(['b', 3n])],
  ]),
  bytes: new Uint8Array(8),
});

/**
 * Carries a small state from one store to another. What serializes and reads state is compiled when it is first used;
 * after this the app's own state is not what it is compiled for, while nobody serves.
 */
export function rehearseState(): void {
  const from = new KeepStore(() => {});
  from.keep('example', example, {});
  const state = new ArrivingState();
  from.capture((bytes) => state.write(Buffer.from(bytes)));
  state.end();
  const to = new KeepStore(() => {});
  to.restore(state);
  to.keep('example', example, {});
}
