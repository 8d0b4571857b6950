import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import {
  FileChangeWatcher,
  GracefulShutdownManager,
  HandoverError,
  keep,
  keepSockets,
  keepWebSockets,
  onShutdown,
  ProcessRestarter,
  registerClass,
  runPrimary,
  runWorker,
  StateSerializer,
} from 'handover';
import { setUp } from '../helpers/fixture.js';

const start = () => {};
const init = () => ({});

/** Every public function with what it can't take: how it is called, the code, what the message must say. */
const WRONG = [
  ['runPrimary({ wtach: [] })', () => runPrimary({ wtach: [] }), 'UNKNOWN_OPTION', /wtach.*did you mean watch/],
  ['runPrimary(7)', () => runPrimary(7), 'INVALID_OPTION', /expected an object of options, got 7/],
  ['runPrimary(null)', () => runPrimary(null), 'INVALID_OPTION', /expected an object of options, got null/],
  ['runWorker()', () => runWorker(), 'INVALID_OPTION', /expected load to be a function, got undefined/],
  ['runWorker(7)', () => runWorker(7), 'INVALID_OPTION', /expected load to be a function/],
  ['runWorker({ load })', () => runWorker({ load: start }), 'INVALID_OPTION', /expected start to be a function/],
  [
    'runWorker({ save: 7 })',
    () => runWorker({ load: start, start, save: 7 }),
    'INVALID_OPTION',
    /expected save to be a function, got number/,
  ],
  [
    'runWorker({ prepare: 7 })',
    () => runWorker({ load: start, start, prepare: 7 }),
    'INVALID_OPTION',
    /expected prepare to be a function/,
  ],
  ['keep()', () => keep(), 'INVALID_OPTION', /expected a key that is a non-empty string.*got undefined/],
  ["keep('')", () => keep('', init), 'INVALID_OPTION', /non-empty string/],
  ["keep('handover:x')", () => keep('handover:x', init), 'INVALID_OPTION', /does not begin with "handover:"/],
  ["keep('a', 7)", () => keep('a', 7), 'INVALID_OPTION', /expected a function that makes the first value, got number/],
  [
    "keep('a', init, { version: 1.5 })",
    () => keep('a', init, { version: 1.5 }),
    'INVALID_OPTION',
    /whole number, got 1.5/,
  ],
  [
    "keep('a', init, { migrate: 7 })",
    () => keep('a', init, { migrate: 7 }),
    'INVALID_OPTION',
    /expected migrate to be a function/,
  ],
  ["keep('a', init, { validate: 7 })", () => keep('a', init, { validate: 7 }), 'INVALID_OPTION', /Standard Schema/],
  [
    'keepWebSockets()',
    () => keepWebSockets(),
    'INVALID_OPTION',
    /expected a WebSocketServer of the package ws, got undefined/,
  ],
  ['keepSockets()', () => keepSockets(), 'INVALID_OPTION', /expected a net.Server, got undefined/],
  [
    'keepSockets(an http.Server)',
    () => keepSockets(http.createServer()),
    'INVALID_OPTION',
    /HTTP connections move by themselves/,
  ],
  ["onShutdown('a')", () => onShutdown('a'), 'INVALID_OPTION', /expected \{ stop, join, … \}, got undefined/],
  [
    "onShutdown('a', { stop: 7 })",
    () => onShutdown('a', { stop: 7 }),
    'INVALID_OPTION',
    /expected stop to be a function, got number/,
  ],
  [
    'onShutdown(7, {})',
    () => onShutdown(7, {}),
    'INVALID_OPTION',
    /onShutdown\(\): expected a name that is a non-empty string, got 7/,
  ],
  ['registerClass(7)', () => registerClass(7), 'INVALID_OPTION', /expected a class, got 7/],
  ['registerClass(class {})', () => registerClass(class {}), 'INVALID_OPTION', /without a name/],
  [
    'registerClass(class A {})',
    () => registerClass(class A {}),
    'INVALID_OPTION',
    /toJSON\(\) and a static fromJSON\(\)/,
  ],
  [
    'new StateSerializer({ file: 7 })',
    () => new StateSerializer({ file: 7 }),
    'INVALID_OPTION',
    /expected file to be a path, got 7/,
  ],
  [
    "new StateSerializer('state.bin')",
    () => new StateSerializer('state.bin'),
    'INVALID_OPTION',
    /expected an object of options such as .*, got "state.bin"/,
  ],
  [
    "new FileChangeWatcher('src')",
    () => new FileChangeWatcher('src'),
    'INVALID_OPTION',
    /expected an object of options such as .*, got "src"/,
  ],
  ['new ProcessRestarter(7)', () => new ProcessRestarter(7), 'INVALID_OPTION', /expected an object of options, got 7/],
  [
    'new ProcessRestarter({ standby: 9 })',
    () => new ProcessRestarter({ standby: 9 }),
    'INVALID_OPTION',
    /standby.*from 0 to 2, got 9/,
  ],
  [
    'restart() before start()',
    () => new ProcessRestarter().restart('x'),
    'WRONG_PROCESS',
    /needs a started ProcessRestarter; call start\(\) first/,
  ],
  [
    'new FileChangeWatcher({ watchPaths: 7 })',
    () => new FileChangeWatcher({ watchPaths: 7 }),
    'INVALID_OPTION',
    /watchPaths: expected an array.*got 7/,
  ],
  [
    'new FileChangeWatcher({ pollInterval: -1 })',
    () => new FileChangeWatcher({ pollInterval: -1 }),
    'INVALID_OPTION',
    /pollInterval.*got -1/,
  ],
  [
    'new GracefulShutdownManager({ shutdownTimeout: "soon" })',
    () => new GracefulShutdownManager({ shutdownTimeout: 'soon' }),
    'INVALID_OPTION',
    /shutdownTimeout.*got "soon"/,
  ],
  [
    'registerComponent(7)',
    () => new GracefulShutdownManager().registerComponent(7),
    'INVALID_OPTION',
    /expected .*got 7/,
  ],
  [
    "registerComponent('a') twice",
    () => {
      const manager = new GracefulShutdownManager();
      manager.registerComponent({ name: 'a', shutdown: start });
      manager.registerComponent({ name: 'a', shutdown: start });
    },
    'INVALID_OPTION',
    /the name is taken/,
  ],
];

for (const [how, call, code, message] of WRONG) {
  test(`${how} is refused`, async () => {
    await assert.rejects(
      async () => call(),
      (error) => {
        assert.ok(error instanceof HandoverError, error.stack);
        assert.equal(error.code, code);
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

/** What a program prints that catches the error of a call: its code. */
const catching = (call) => `import * as handover from 'handover';
const { runPrimary, runWorker, keep, ProcessRestarter } = handover;
let error;
try { ${call} } catch (thrown) { error = thrown; }
console.log('code', error?.name, error?.code);
`;

const APP = '{ load: () => {}, start: () => setInterval(() => {}, 1000) }';

/** At the wrong time, in the wrong process, or twice: in a worker unless it is said otherwise. */
const MISPLACED = [
  ['runWorker() twice in a worker', `await runWorker(${APP}); await runWorker(${APP});`, 'ALREADY_STARTED'],
  [
    'runWorker() twice in a plain program',
    `await runWorker(${APP}); await runWorker(${APP});`,
    'ALREADY_STARTED',
    { isPlain: true },
  ],
  ['runPrimary() in a worker that is asked to be the app', `await runPrimary(); await runPrimary();`, 'WRONG_PROCESS'],
  [
    'start() twice of one ProcessRestarter',
    `const restarter = new ProcessRestarter({ snapshot: false }).setCallbacks({ restartCommand: { exec: 'other.mjs', args: [] } });
     void restarter.start(); try { await restarter.start(); } finally { await restarter.stop(); }`,
    'ALREADY_STARTED',
    { isPlain: true },
  ],
];

for (const [how, call, code, { isPlain = false } = {}] of MISPLACED) {
  test(`${how} is refused`, async (t) => {
    const { handover, node } = await setUp(t, {
      'app.mjs': `${catching(call)} setInterval(() => {}, 1000);`,
      'other.mjs': 'setInterval(() => {}, 1000);',
    });
    const running = isPlain ? node(['app.mjs']) : handover(['app.mjs']);
    const [, name, found] = await running.printed(/code (\S+) (\S+)/);
    assert.deepEqual({ name, found }, { name: 'HandoverError', found: code });
  });
}
