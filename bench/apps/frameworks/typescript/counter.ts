import { keep } from 'handover';

const VERSION = 1;

// Neither an enum nor a parameter property is stripped: they need tsx, or a build.
enum Step {
  One = 1,
}

export class Counter {
  constructor(private readonly kept = keep('counter', () => ({ count: 0 }))) {}

  add() {
    this.kept.count += Step.One;
    return this.tell();
  }

  tell() {
    return { version: VERSION, pid: process.pid, count: this.kept.count };
  }
}
