import * as fs from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { failure } from './failure.js';

/** The maximum number of links that lead to a file, as on Linux. */
const LINKS = 40;

/**
 * Returns the canonical name of a database's file, whatever links lead to it: its lock and
 * its log lie next to it, and must be the same for everybody. If there is no such
 * directory, returns the name as it is: opening will report that.
 */
export function fileOf(path: string): string {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw failure(
      'InvalidArgument',
      'a database is opened by the path of its file, which must not be empty, or as :memory:',
    );
  }
  let name = resolve(path);
  for (let links = 0; links < LINKS; links += 1) {
    const target = linked(name);
    if (target === undefined) break;
    name = resolve(dirname(name), target);
  }
  try {
    return join(fs.realpathSync(dirname(name)), basename(name));
  } catch {
    return name;
  }
}

/** Returns the absolute path of a path or a file URL. @throws InvalidArgumentError that says what it is of */
export function pathOf(path: string | URL, what: string): string {
  if (typeof path === 'string') return resolve(path);
  try {
    return fileURLToPath(path);
  } catch (error) {
    throw failure('InvalidArgument', `${what}: ${(error as Error).message}`);
  }
}

function linked(name: string): string | undefined {
  try {
    return fs.readlinkSync(name);
  } catch {
    return undefined;
  }
}
