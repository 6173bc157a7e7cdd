#!/usr/bin/env node
/**
 * The shell, `npx ubiqlite app.db`: the native library has it.
 *
 * @module
 */
import { binary, platforms } from './native/binary.js';

const found = binary();
if ('native' in found) process.exit(found.native.shell(process.argv.slice(2)));
const names = platforms().map((name) => `@ubiqlite/${name}`);
process.stderr.write(
  `ubiqlite: the shell needs the native library, and there is none here (${found.why}). Install ${names.join(' or ')} ` +
    'in the same version as ubiqlite, where there is one for this machine; Python has the same shell: ' +
    'pip install ubiqlite, then python -m ubiqlite.\n',
);
process.exit(1);
