/** Keyv's suite for stores, with its tests of iterators. Vitest runs this. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import suite, { keyvIteratorTests } from '@keyv/test-suite';
import Keyv from 'keyv';
import { open } from 'ubiqlite';
import { UbiqliteStore } from 'ubiqlite/keyv';
import * as vitest from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-stores-'));
const database = await open(join(folder, 'keyv.db'));
const store = () => new UbiqliteStore({ database });

vitest.afterAll(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});
suite(vitest, Keyv, store);
keyvIteratorTests(vitest, Keyv, store);
