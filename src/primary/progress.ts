import type { MessageToPrimary, StartStep } from '../protocol.ts';
import type { Outcome, WorkerHandle } from './worker-handle.ts';

/** What takes longer is told of, in milliseconds. */
export const LONG = 2000;

/** After this time it is asked for again, in milliseconds. */
const AGAIN = 5000;

/** A worker that has not said within this time what it waits for is busy, in milliseconds. */
const ANSWER = 1000;

/**
 * What a start has come to. `boot`: the app's code has not been begun; `state`: that of the generation before is
 * awaited; `busy`: the code of the app keeps the process from saying anything.
 */
export type SlowStep = StartStep | 'boot' | 'state' | 'busy';

/** Tells what a worker has come to whose start takes long, and again when that has changed. Returns a function that ends that. */
export function watchStart(worker: WorkerHandle, tell: (step: SlowStep) => void): () => void {
  let waitsForState = false;
  const onMessage = ({ type }: MessageToPrimary): void => {
    if (type === 'needs-state') waitsForState = true;
    else if (type === 'waits' || type === 'ready') waitsForState = false;
  };
  worker.on('message', onMessage);
  const stop = again<SlowStep>(tell, async (signal) => {
    if (!worker.isBooted) return 'boot';
    const answer = await ask(worker, signal);
    // It waits for the state without looking at anything else.
    if (answer.type === 'timeout') return waitsForState ? 'state' : 'busy';
    return answer.type === 'waits' ? answer.step : undefined;
  });
  return () => {
    worker.off('message', onMessage);
    stop();
  };
}

/** The same for the end of a worker: whom it waits for, by name. */
export function watchDrain(worker: WorkerHandle, tell: (names: string[]) => void): () => void {
  return again<string>(
    (names) => tell(names.split('\n')),
    async (signal) => {
      const names = worker.exit ? worker.tree.left : namesIn(await ask(worker, signal));
      return names.length > 0 ? names.join('\n') : undefined;
    },
  );
}

function namesIn(answer: Outcome<'waits'>): string[] {
  if (answer.type === 'timeout') return ['its event loop, which is busy'];
  return answer.type === 'waits' ? answer.names : [];
}

function ask(worker: WorkerHandle, signal: AbortSignal): Promise<Outcome<'waits'>> {
  worker.send({ type: 'ask-waits' });
  return worker.waitFor(['waits'], { timeout: ANSWER, signal });
}

/** Tells what `look` finds when it takes long, and after that what is another one than the last time. */
function again<T>(tell: (found: T) => void, look: (signal: AbortSignal) => Promise<T | undefined>): () => void {
  const end = new AbortController();
  let last: T | undefined;
  const next = async (): Promise<void> => {
    const found = await look(end.signal);
    if (end.signal.aborted) return;
    if (found !== undefined && found !== last) tell(found);
    last = found ?? last;
    timer = setTimeout(() => void next(), AGAIN);
  };
  let timer = setTimeout(() => void next(), LONG);
  return () => {
    clearTimeout(timer);
    end.abort();
  };
}
