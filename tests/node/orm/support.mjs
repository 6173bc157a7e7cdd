/** The package next to the libraries that it has adapters for, and what the tests of those share. */

import { fileURLToPath } from 'node:url';

import { install, opening } from '../installed.mjs';

export { ENGINE, LIMIT, PACKAGE, failure, folder, only, pause, within } from '../installed.mjs';

export const HERE = fileURLToPath(new URL('.', import.meta.url));

install(import.meta.url);

// From the package that is installed here.
export const { open } = await import('ubiqlite');

export const database = opening(open);
