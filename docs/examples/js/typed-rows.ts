// The guide's page about generated code: `tests/node/gen.test.mjs` compiles it, and runs it on a file.
import { type Database, open } from 'ubiqlite';
import { type CheapRow, type Items, addItem, addPart, cheap, countParts, dearest, getItem, sellItem } from './items.js';

const db: Database = await open(process.argv[2]!);
// #region use
const lamp = await addItem(db, { name: 'lamp', price: 19.9 });
const rows: CheapRow[] = await cheap(db, { most: 20, limit: 10 });
for (const item of rows) console.log(`${item.name}: ${item.price}`); // lamp: 19.9
await db.transaction((tx) => sellItem(tx, { id: rows[0]!.id })); // 1
// #endregion use
await addItem(db, { name: 'desk', price: null });
const sold: number = await sellItem(db, { id: lamp!.id });
await addPart(db, { item: 1, name: 'bulb' });
const item: Items | undefined = await getItem(db, { id: 1 });
const price: number | null = item!.price;
console.log(JSON.stringify({ rows, sold, item, price, parts: await countParts(db), dearest: await dearest(db), none: (await getItem(db, { id: 9 })) ?? null }));
await db.execute('INSERT INTO items (id, name) VALUES (9007199254740993, ?)', ['large']);
console.log(await getItem(db, { id: 9007199254740993n }).then(() => 'read', (error: Error) => error.message));
await db.close();
