// Takes one job after the other, and notes each in a log.
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { keep, onShutdown } from 'handover';

const VERSION = 1;
const queue = keep('queue', () => ({ next: 0 }));
const consumer = { isPaused: false, running: undefined };

async function consume() {
  for (;;) {
    if (consumer.isPaused) return;
    const job = queue.next;
    await delay(2);
    appendFileSync('work.log', `${JSON.stringify({ job, version: VERSION, pid: process.pid, at: Date.now() })}\n`);
    queue.next = job + 1;
  }
}

function pause() {
  consumer.isPaused = true;
  return consumer.running;
}

function resume() {
  consumer.isPaused = false;
  consumer.running = consume();
}

resume();
onShutdown('consumer', { pause, resume, stop: pause, join: () => consumer.running });
