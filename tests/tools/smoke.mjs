// What each tool runs: it makes, writes, reads and closes a file. Resolves to 'works'.

import { UniqueViolationError, UbiqliteError, exportFile, open } from 'ubiqlite';

function equal(found, wanted, what) {
  const [a, b] = [found, wanted].map((value) => JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? `${inner}n` : inner)));
  if (a !== b) throw new Error(`${what}: found ${a}, not ${b}`);
}

export async function smoke(path) {
  const db = await open(path);
  await db.batch('CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE, data, big)');
  const items = db.table('items');
  const id = await items.insert({ name: 'lämp', data: { watt: [40] }, big: 2n ** 60n });
  equal(await items.get(id), { id: 1, name: 'lämp', data: '{"watt":[40]}', big: 2n ** 60n }, 'a row');
  const error = await items.insert({ name: 'lämp' }).catch((error) => error);
  equal([error instanceof UniqueViolationError, error instanceof UbiqliteError, error.columns], [true, true, ['name']], 'an error');
  await db.transaction(async (tx) => {
    await tx.executeMany('INSERT INTO items (name, data) VALUES (?, ?)', Array.from({ length: 3000 }, (_, index) => [`n${index}`, new Uint8Array([index])]));
  });
  let count = 0;
  for await (const row of db.stream('SELECT data FROM items WHERE id > 1')) count += row.data.length;
  equal(count, 3000, 'a stream');
  equal(await db.queryValue('SELECT ?', [new Date(0)]), '1970-01-01T00:00:00.000000000Z', 'a date');
  equal(await db.queryValue('SELECT x', [], {}).catch((error) => error.kind), 'NoSuchColumn', 'a wrong query');
  const controller = new AbortController();
  const endless = db.query('WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT count(*) FROM r', [], { signal: controller.signal });
  setTimeout(() => controller.abort(), 20);
  equal(await endless.catch((error) => error.kind), 'Cancelled', 'an aborted query');
  await db.close();
  const again = await open(path, { create: false });
  equal(await again.queryValue('SELECT count(*) FROM items'), 3001, 'what is in the file');
  await again.close();
  let bytes = 0;
  const reader = (await exportFile(path)).getReader();
  for (let step = await reader.read(); !step.done; step = await reader.read()) bytes += step.value.length;
  equal(bytes > 4096 && bytes % 4096, 0, 'an exported file');
  return 'works';
}
