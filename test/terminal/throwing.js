import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** A temporary folder with these files, gone after the test. */
export function folderWith(t, files) {
  const folder = mkdtempSync(path.join(realpathSync(tmpdir()), 'handover-terminal-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  }
  return folder;
}

/** What importing a module throws in a process of its own, as it crosses a process boundary. */
export function errorOfImport(file, execArgv = []) {
  const program = `
    import(${JSON.stringify(pathToFileURL(file).href)}).then(
      () => process.exit(3),
      ({ name, message, stack }) => process.stdout.write(JSON.stringify({ name, message, stack })),
    );
  `;
  const { stdout, stderr } = spawnSync(process.execPath, [...execArgv, '-e', program], { encoding: 'utf8' });
  if (!stdout) throw new Error(`nothing was thrown: ${stderr}`);
  return JSON.parse(stdout);
}
