import { Injectable } from '@nestjs/common';
import { keep } from 'handover';

const VERSION = 1;

@Injectable()
export class CounterService {
  private readonly counter = keep('counter', () => ({ count: 0 }));

  add() {
    this.counter.count++;
    return this.tell();
  }

  tell() {
    return { version: VERSION, pid: process.pid, count: this.counter.count };
  }
}
