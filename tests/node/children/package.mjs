/** The package in a child process, and how the child talks to its parent. */

import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

export const ubiqlite = await import(pathToFileURL(process.env.UBIQLITE_PACKAGE).href);

/** Sends the parent a line, before anything else happens. */
export function tell(line) {
  writeSync(1, `${line}\n`);
}

/** Returns the parent's lines; only for children that the parent tells to end. */
export function hear() {
  return createInterface({ input: process.stdin })[Symbol.asyncIterator]();
}
