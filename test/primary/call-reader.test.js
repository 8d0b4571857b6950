import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { CallReader } from '../../dist/primary/call-reader.js';

const CALL = { type: 'listen', query: {} };

/** A process with a call pipe, as a worker has. */
function callPipe(t, source) {
  const child = spawn(process.execPath, ['-e', `const fs = require('fs'); ${source}`], {
    stdio: ['pipe', 'pipe', 'inherit', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const stream = child.stdio[3];
  return { child, stream, reader: new CallReader(stream, () => stream.write('state')) };
}

test('calls that arrive in pieces, or several at once, are answered in their order', async (t) => {
  const text = `${JSON.stringify(CALL)}\n${JSON.stringify(CALL)}\n`;
  const { child, stream, reader } = callPipe(
    t,
    `fs.writeSync(3, ${JSON.stringify(text.slice(0, 10))});
    process.stdin.once('data', () => fs.writeSync(3, ${JSON.stringify(text.slice(10))}));
    new (require('net').Socket)({ fd: 3 }).pipe(process.stdout);`,
  );
  let calls = 0;
  reader.serve({ listen: async () => ({ port: ++calls, errno: 0 }), close() {} });
  await once(stream, 'data');
  child.stdin.write('the rest');
  let output = '';
  for await (const chunk of child.stdout) {
    output += chunk;
    if (output.split('\n').length > 2) break;
  }
  assert.equal(output, '{"port":1,"errno":0}\n{"port":2,"errno":0}\n');
});

test('who waits for its state is told of, and answered by others', async (t) => {
  const { child, reader } = callPipe(
    t,
    `fs.writeSync(3, ${JSON.stringify(`${JSON.stringify({ type: 'state' })}\n`)});
    new (require('net').Socket)({ fd: 3 }).pipe(process.stdout);`,
  );
  reader.serve({ listen: () => assert.fail('not called'), close: () => assert.fail('not called') });
  const [output] = await once(child.stdout, 'data');
  assert.equal(String(output), 'state');
});

test('a worker that is killed before it has read its answer does no harm', async (t) => {
  const { child, stream, reader } = callPipe(
    t,
    `fs.writeSync(3, ${JSON.stringify(`${JSON.stringify(CALL)}\n{"type":"li`)}); setInterval(() => {}, 1000);`,
  );
  const failed = once(stream, 'error');
  reader.serve({
    listen: async () => {
      // After the answer has been written.
      setImmediate(() => child.kill('SIGKILL'));
      return { port: 1, errno: 0 };
    },
    close() {},
  });
  const [error] = await failed;
  assert.equal(error.code, 'ECONNRESET');
});
