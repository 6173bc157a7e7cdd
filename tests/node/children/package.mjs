/** The package, in a child; and how it talks to its parent. */

import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

export const ubiqlite = await import(pathToFileURL(process.env.UBIQLITE_PACKAGE).href);

/** Tells the parent a line, before anything else happens. */
export function tell(line) {
  writeSync(1, `${line}\n`);
}

/** The parent's lines; only for children that end by a word of it. */
export function hear() {
  return createInterface({ input: process.stdin })[Symbol.asyncIterator]();
}
