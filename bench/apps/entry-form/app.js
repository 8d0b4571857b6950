// The same app as `counter`, its state carried by save() and start() instead of keep().
import http from 'node:http';

const VERSION = 1;
export let state = { count: 0 };

export function listen(port, saved) {
  if (saved) state = saved;
  const server = http.createServer((request, response) => {
    request.resume().on('end', () => {
      if (request.url === '/count') state.count++;
      response.end(JSON.stringify({ version: VERSION, pid: process.pid, count: state.count }));
    });
  });
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
}
