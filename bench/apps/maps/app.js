// Keeps a Map of records of STATE_BYTES in all, RECORD_BYTES each.
import http from 'node:http';
import { keep } from 'handover';

const VERSION = 1;
const records = keep('records', () => build(Number(process.env.STATE_BYTES), Number(process.env.RECORD_BYTES)));

function build(bytes, recordBytes) {
  const built = new Map();
  // What a record takes besides its text.
  const text = Math.max(1, recordBytes - 30);
  for (let index = 0; index < bytes / recordBytes; index++) {
    // A text of its own, in one piece: repeat() would share its parts.
    const note = Buffer.alloc(text, `note ${index} `).toString('latin1');
    built.set(`session-${index}`, { user: index, seen: new Date(index * 1000), open: index % 2 === 0, note });
  }
  return built;
}

const server = http.createServer((request, response) => {
  response.end(JSON.stringify({ version: VERSION, pid: process.pid, records: records.size }));
});
server.listen(Number(process.env.PORT), '127.0.0.1');
