import { Load } from './clients.js';
import { freePort } from './ports.js';
import { Primary } from './primary.js';
import { Process } from './process.js';
import { Project } from './project.js';

/**
 * A project on a free port that is gone when the test ends, with everything that was started in it.
 *
 * @param t the test's context
 * @param files the project's files, or a function that makes them for a port
 */
export async function setUp(t, files = {}) {
  const port = await freePort();
  const project = new Project(typeof files === 'function' ? files(port) : files);
  const started = [];
  t.after(async () => {
    await Promise.all(started.map((process) => process.stop()));
    await project.remove();
  });
  const track = (process) => {
    started.push(process);
    return process;
  };
  return {
    port,
    project,
    primary: (options) => track(new Primary(project, options)),
    handover: (args, options) => track(Process.handover(project, args, options)),
    load: (options) => track(new Load(port, options)),
    node: (args, options) => track(Process.node(args, { cwd: project.dir, ...options })),
  };
}
