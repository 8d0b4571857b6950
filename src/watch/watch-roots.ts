import { existsSync } from 'node:fs';
import path from 'node:path';
import { foldersAbove } from '../folders-above.ts';

/** Whether `file` is `folder` or lies in it. */
export function isWithin(folder: string, file: string): boolean {
  return file === folder || file.startsWith(folder.endsWith(path.sep) ? folder : folder + path.sep);
}

/**
 * The topmost folder to watch for a path: a folder between it and the path can be renamed, deleted or restored,
 * and only the folder above tells. Below `cwd` that is `cwd`. For a path elsewhere (a linked package) it is the
 * folder above its project, so that the project itself can come and go, but never the root of the file system:
 * there every program's changes would wake this one.
 */
export function watchRoot(file: string, cwd: string): string {
  if (file !== cwd && isWithin(cwd, file)) return cwd;
  const start = existingFolder(path.dirname(file));
  const project = projectFolder(start) ?? start;
  const above = path.dirname(project);
  return isWithin(project, cwd) || isFileSystemRoot(above) ? project : above;
}

function existingFolder(folder: string): string {
  while (!existsSync(folder) && !isFileSystemRoot(folder)) folder = path.dirname(folder);
  return folder;
}

function projectFolder(folder: string): string | undefined {
  const isProject = (one: string): boolean => ['package.json', '.git'].some((name) => existsSync(path.join(one, name)));
  return foldersAbove(folder).find((one) => !isFileSystemRoot(one) && isProject(one));
}

function isFileSystemRoot(folder: string): boolean {
  return path.dirname(folder) === folder;
}

/** The folders from `root` down to the one that holds `file`. */
export function foldersBetween(root: string, file: string): string[] {
  return foldersAbove(path.dirname(file))
    .filter((folder) => isWithin(root, folder))
    .toReversed();
}
