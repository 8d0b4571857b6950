import { Copier, type CarryProblem } from './carriable-copier.ts';
import { Look } from './carriable-look.ts';

/** A value in the form in which it travels. */
export interface Carriable {
  value: unknown;
  /** No object in it is reached in two ways: no references have to be noted. */
  isTree: boolean;
  /** No instance of a class is in it. */
  isPlain: boolean;
  /** Bytes that it will take, roughly. */
  size: number;
}

/**
 * The form in which a value travels. Most states travel as they are: then nothing is copied, and this only looks.
 * What can't be carried is undefined in the copy and named in `problems`; when that is the root, there is no result.
 */
export function toCarriable(value: unknown, name: string, problems: CarryProblem[]): Carriable | undefined {
  const { isCarriable, isTree, size } = new Look(value);
  if (isCarriable) return { value, isTree, isPlain: true, size };
  const copier = new Copier(problems);
  const copy = copier.copy(value, { above: undefined, step: name }, 0);
  const isRootLost = copy === undefined && value !== undefined;
  return isRootLost ? undefined : { value: copy, isTree: copier.isTree, isPlain: copier.isPlain, size: copier.size };
}
