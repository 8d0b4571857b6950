import { Controller, Get, HttpCode, Inject, Post } from '@nestjs/common';
import { CounterService } from './counter.service.js';

@Controller()
export class CounterController {
  // By name: esbuild, and so tsx, leaves out the types of parameters that Nest would look for.
  constructor(@Inject(CounterService) private readonly counter: CounterService) {}

  @Get()
  tell() {
    return this.counter.tell();
  }

  @Post('count')
  @HttpCode(200)
  count() {
    return this.counter.add();
  }
}
