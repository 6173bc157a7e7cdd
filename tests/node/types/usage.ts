/** What a person writes, as the compiler sees it; never run. Wrong lines have to be errors. */

import {
  BusyError, type CallOptions, type Database, type Row, UbiqliteError, type Value, exportFile, importFile, list,
  open, remove,
} from 'ubiqlite';

interface Item {
  id: number;
  name: string;
  value: number | null;
}

export async function reads(db: Database): Promise<void> {
  const items: Item[] = await db.query<Item>('SELECT * FROM items WHERE id > ?', [1]);
  const one: Item = await db.queryOne<Item>('SELECT * FROM items WHERE id = :id', { id: 1 });
  const maybe: Item | undefined = await db.queryOptional<Item>('SELECT * FROM items');
  const count: number = await db.queryValue<number>('SELECT count(*) FROM items');
  const rows: Row[] = await db.query('SELECT 1');
  for await (const item of db.stream<Item>('SELECT * FROM items')) items.push(item);
  const all: Item[] = await db.stream<Item>('SELECT * FROM items').toArray();
  // @ts-expect-error there may be no row
  maybe.name;
  // @ts-expect-error an Item has no such column
  one.nmae;
  // @ts-expect-error a function is no value
  await db.query('SELECT ?', [() => 1]);
  // @ts-expect-error undefined is no value
  await db.query('SELECT ?', [undefined]);
  // @ts-expect-error the SQL comes first
  await db.query([1]);
  void [count, rows, all];
}

export async function tables(db: Database): Promise<void> {
  const items = db.table<Item>('items');
  const item: Item | undefined = await items.get(1);
  const chosen: Item[] = await items.select().where('id', '>', 1).whereIn('name', ['a', 'b']).orderBy('id', 'desc').limit(5).all();
  const changed: boolean = await items.update(1, { name: 'lamp' });
  const many: number = await items.insertMany([{ name: 'a' }, { name: 'b', value: null }]);
  await items.insert({ name: 'lamp', data: { watt: [40, 60] }, at: new Date(), bytes: new Uint8Array(2), big: 7n, on: true });
  await db.table('accounts').transfer('balance', [{ from: 1, to: 2, amount: 30 }]);
  await db.table('accounts').transfer('balance', [[1, 2, 30]]);
  // @ts-expect-error there is no such comparison
  items.select().where('id', '=>', 1);
  // @ts-expect-error nor such an order
  items.select().orderBy('id', 'down');
  // @ts-expect-error a function is no value
  await items.insert({ name: () => 'lamp' });
  void [item, chosen, changed, many];
}

export async function transactions(db: Database, signal: AbortSignal): Promise<number> {
  const options: CallOptions = { signal, timeout: 100 };
  const answer: string = await db.transaction(async (tx) => {
    await tx.execute('DELETE FROM items', [], options);
    const inner: boolean = await tx.savepoint(async (sp) => {
      await sp.table('items').insert({ name: 'lamp' });
      return sp.savepoint(async () => true);
    });
    for await (const row of tx.stream('SELECT 1')) void row;
    return String(inner);
  }, { mode: 'deferred', signal });
  await using tx = await db.begin({ mode: 'exclusive' });
  await using sp = await tx.beginSavepoint();
  await sp.release();
  await tx.commit();
  await using session = await db.acquire(options);
  await session.transaction(async (own) => own.rollback().catch(() => {}));
  await using snapshot = await db.snapshot();
  const [a, b] = await Promise.all([snapshot.queryValue<number>('SELECT 1'), snapshot.table('items').count()]);
  // @ts-expect-error no transaction begins so
  await db.begin({ mode: 'soon' });
  // @ts-expect-error a snapshot only reads
  await snapshot.execute('DELETE FROM items');
  return a + b + answer.length;
}

export async function whole(): Promise<void> {
  await using db = await open('app.db', { busyTimeout: 2000, journalMode: 'wal', synchronous: 'full', bigint: true });
  const { rowsChanged, lastRowId }: { rowsChanged: number; lastRowId: number | bigint } = await db.execute('DELETE FROM items');
  const [first] = await db.batch([['DELETE FROM items WHERE id = ?', [1]], 'DELETE FROM users']);
  const limited: Database = db.timeout(50);
  const names: string[] = await list();
  await importFile('copy.db', await exportFile('app.db'), { replace: true });
  await remove('copy.db');
  const value: Value = [1, { a: null }];
  // @ts-expect-error there is no such option
  await open('app.db', { busytimeout: 2000 });
  // @ts-expect-error nor such a mode
  await open('app.db', { journalMode: 'off' });
  try {
    await limited.execute('DELETE FROM items', [value]);
  } catch (error) {
    if (error instanceof BusyError) return;
    if (error instanceof UbiqliteError && error.kind === 'UniqueViolation') void error.columns.join(error.table);
    // @ts-expect-error there is no such kind
    if (error instanceof UbiqliteError && error.kind === 'Unique') return;
    throw error;
  }
  void [rowsChanged, lastRowId, first?.rowsChanged, names];
}
