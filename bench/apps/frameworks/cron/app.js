// Does what is due every 20 ms, and what has become due meanwhile, and notes it in a log.
import { appendFileSync } from 'node:fs';
import { keep, onShutdown } from 'handover';

const VERSION = 1;
const EVERY = 20;
const schedule = keep('schedule', () => ({ since: Date.now(), done: 0 }));
let timer;

function run() {
  const due = Math.floor((Date.now() - schedule.since) / EVERY);
  for (; schedule.done < due; schedule.done++) work(schedule.done);
  timer = setTimeout(run, schedule.since + (due + 1) * EVERY - Date.now());
}

function work(job) {
  appendFileSync('work.log', `${JSON.stringify({ job, version: VERSION, pid: process.pid, at: Date.now() })}\n`);
}

const pause = () => clearTimeout(timer);
run();
onShutdown('cron', { pause, resume: run, stop: pause });
