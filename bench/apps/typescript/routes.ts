import type { Express, Request, Response } from 'express';
import { Visits } from './visits.ts';

const VERSION = 1;

export function addRoutes(app: Express): void {
  const visits = new Visits();
  app.get('/', (request: Request, response: Response) => {
    response.json({ version: VERSION, pid: process.pid, visits: visits.add(request.path) });
  });
}
