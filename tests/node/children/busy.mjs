/** Runs work, and exits in the middle of it: `path way milliseconds`. */

import { ubiqlite } from './package.mjs';
import { work } from './work.mjs';

const [path, way, after] = process.argv.slice(2);
setTimeout(() => process.exit(0), 20 + Number(after));
await work(ubiqlite, path, way);
