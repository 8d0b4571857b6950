// Imports an app once every package that it imports is loaded, when it is told to, and tells how long it took until the
// app listened.
import { createRequire } from 'node:module';
import net from 'node:net';
import { pathToFileURL } from 'node:url';

const { packages, app, isCommonJs } = JSON.parse(process.argv[2]);
const load = isCommonJs ? createRequire(app) : (file) => import(pathToFileURL(file).href);
const { listen } = net.Server.prototype;

await load(packages);
process.once('message', () => {
  const began = performance.now();
  net.Server.prototype.listen = function (...args) {
    this.once('listening', () => process.send({ importMs: performance.now() - began }));
    return Reflect.apply(listen, this, args);
  };
  void load(app);
});
process.once('disconnect', () => process.exit());
process.send('loaded');
