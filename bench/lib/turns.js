import { withProject } from './project.js';
import { median, round } from './statistics.js';
import { ToolServer } from './tool-server.js';

/** A project of its own for each of several. */
export function withProjects(app, count, task, projects = []) {
  if (projects.length === count) return task(projects);
  return withProject(app, (project) => withProjects(app, count, task, [...projects, project]));
}

/**
 * Runs an app under each tool at once and saves in turns, so that what else the machine does meets all alike.
 * `prepare` makes the project; a save without new code within `longest` ms was missed. Resolves with a row for each tool.
 */
export function saveInTurns({ app, tools, prepare, rounds, longest }) {
  return withProjects(app, tools.length, async (projects) => {
    for (const project of projects) prepare(project);
    const servers = tools.map((tool, index) => ({ server: new ToolServer(tool, projects[index]), saves: [] }));
    try {
      for (const { server } of servers) await server.start();
      for (let turn = 0; turn < rounds; turn++) {
        for (const { server, saves } of servers) saves.push(await server.save(longest));
      }
    } finally {
      for (const { server } of servers) await server.stop();
    }
    return servers.map(({ server, saves }) => rowOf(server.tool, saves));
  });
}

function rowOf(tool, saves) {
  const times = saves.map(({ newCodeMs }) => newCodeMs).filter((time) => time !== undefined);
  const sum = (key) => saves.reduce((total, save) => total + save[key], 0);
  return {
    tool,
    saves: saves.length,
    missed: saves.length - times.length,
    medianMs: times.length > 0 ? round(median(times)) : null,
    longestMs: times.length > 0 ? round(Math.max(...times)) : null,
    failed: sum('failed'),
    requests: sum('requests'),
  };
}

/** For a chart: a line for each value of a key, through the rows that have it. */
export function linesOf(rows, name, x, y) {
  const names = [...new Set(rows.map((row) => row[name]))];
  return names.map((value) => ({
    name: value,
    points: rows.filter((row) => row[name] === value && row[y] !== null).map((row) => [row[x], row[y]]),
  }));
}
