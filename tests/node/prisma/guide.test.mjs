/** The guide's program for Prisma, as it is there. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { LIMIT, PrismaClient, PrismaUbiqlite, datamodel, failure, folder, open, within } from './support.mjs';
import { push } from './schema-engine.mjs';

const { prisma, publish, watchTitles } = await import('./guide/prisma.mjs');

test('Prisma: both or neither, and a live query', async (t) => {
  const path = join(folder(t), 'app.db');
  await push(new PrismaUbiqlite({ database: () => open(path) }), datamodel);
  const db = prisma(PrismaClient, path);
  const database = await open(path);
  t.after(() => Promise.all([db.$disconnect(), database.close()]));
  assert.deepEqual(await publish(db, 'ann@x', 'One'), [{ title: 'One', author: { email: 'ann@x' } }]);
  assert.equal((await failure(publish(db, 'ann@x', 'Two'))).code, 'P2002');
  const seen = [];
  let arrived;
  const stop = watchTitles(database, (titles) => (seen.push(titles), arrived?.()));
  const until = async (count) => {
    while (seen.length < count) await within(LIMIT, new Promise((resolve) => (arrived = resolve)), `result ${count}`);
  };
  await until(1);
  await publish(db, 'bob@x', 'Three');
  await until(2);
  assert.deepEqual(seen, [['One'], ['One', 'Three']]);
  stop();
});
