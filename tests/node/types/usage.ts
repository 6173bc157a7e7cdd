/** Typical code, as the compiler sees it; never run. Wrong lines must be errors. */

import {
  type Applied, type AppliedMigration, type BackupProgress, BusyError, type CallOptions, type Conflict, type Database, type DatabaseBytes, type DeserializeOptions, type Drift, type MigrationStep, type OutboxBatch, type Policies, type Replica, type ReplicaState, type ReplicaStorage, type Row, UbiqliteError, type Updates, type Value,
  type WatchedQuery, deserialize, exportFile, importFile, list, open, remove, restoreReplica,
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
  // @ts-expect-error a function is not a value
  await db.query('SELECT ?', [() => 1]);
  // @ts-expect-error undefined is not a value
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
  await db.table('items').insert({ name: 'lamp', data: { watt: [40, 60] }, at: new Date(), bytes: new Uint8Array(2), big: 7n, on: true });
  await db.table('accounts').transfer('balance', [{ from: 1, to: 2, amount: 30 }]);
  await db.table('accounts').transfer('balance', [[1, 2, 30]]);
  // @ts-expect-error no such comparison
  items.select().where('id', '=>', 1);
  // @ts-expect-error no such order
  items.select().orderBy('id', 'down');
  // @ts-expect-error a function is not a value
  await items.insert({ name: () => 'lamp' });
  // @ts-expect-error not even in a table whose rows are untyped
  await db.table('items').insert({ name: () => 'lamp' });
  void [item, chosen, changed, many];
}

/** Every type of column, and the types that JSON is stored as. */
interface Wide {
  id: number;
  big: bigint;
  name: string;
  status: 'new' | 'done';
  bytes: Uint8Array;
  at: string | null;
  data: string;
  note?: string;
}

export async function written(db: Database, item: Item, wide: Wide, rows: AsyncIterable<Item>): Promise<void> {
  const items = db.table<Item>('items');
  // An interface, in whole or in part, typed or not.
  const id: number = await items.insert<number>(item);
  await items.upsert(item);
  await items.insertMany([item, item]);
  await items.insertMany(rows);
  await items.update(1, item);
  await items.updateMany([1, 2], item);
  await db.table('items').insert(item);
  await db.table('items').insertMany([item]);
  await db.table('items').update(1, { ...item, more: 1 });
  const wider = db.table<Wide>('wide');
  await wider.insert(wide);
  // Values that are stored as the type that the column is read as.
  await wider.insert({ id: 7n, big: 7, name: 'a', at: new Date(), bytes: new ArrayBuffer(2), note: 'b' });
  await wider.insert({ at: {} as { readonly [Symbol.toStringTag]: 'Temporal.Instant' } });
  await wider.insert({ id: true, at: null, bytes: new Float64Array(2) });
  await wider.select().where('at', '<', new Date()).where('id', 'like', '1%').where('note', null).whereIn('status', ['new']).all();
  // A JSON column is written as an object, and read as text.
  const documents = db.table<Wide, { name?: string; data?: { watt: number } }>('wide');
  await documents.insert({ name: 'lamp', data: { watt: 40 } });
  const text: string | undefined = (await documents.get(1))?.data;
  await using snapshot = await db.snapshot();
  await snapshot.table<Item>('items').select().where('name', 'a').first();

  // @ts-expect-error an Item has no such column
  await items.insert({ nmae: 'lamp' });
  // @ts-expect-error nor in an upsert
  await items.upsert({ nmae: 'lamp' });
  // @ts-expect-error nor in one of many rows
  await items.insertMany([{ name: 'a' }, { nmae: 'b' }]);
  // @ts-expect-error nor in an update
  await items.update(1, { nmae: 'lamp' });
  // @ts-expect-error nor in an update of many
  await items.updateMany([1], { nmae: 'lamp' });
  // @ts-expect-error a name is a string
  await items.insert({ name: 5 });
  // @ts-expect-error and a value is a number
  await items.update(1, { value: 'high' });
  // @ts-expect-error a value may be null, but a name may not
  await items.insert({ name: null });
  // @ts-expect-error no such status
  await wider.insert({ status: 'nwe' });
  // @ts-expect-error bytes are not text
  await wider.insert({ bytes: 'ab' });
  // @ts-expect-error no such column to filter by
  items.select().where('nmae', 'lamp');
  // @ts-expect-error nor with a comparison
  items.select().where('vlaue', '>', 1);
  // @ts-expect-error a filter's value has the column's type
  items.select().where('id', 'one');
  // @ts-expect-error also with a comparison
  items.select().where('value', '>', 'one');
  // @ts-expect-error and in a list
  items.select().whereIn('id', ['one']);
  // @ts-expect-error no such column to test for null
  items.select().whereNull('nmae');
  // @ts-expect-error nor for not null
  items.select().whereNotNull('nmae');
  // @ts-expect-error no such column to order by
  items.select().orderBy('nmae');
  // @ts-expect-error no such column to transfer
  await items.transfer('vlaue', [[1, 2, 3]]);
  // @ts-expect-error JSON is written as the declared type
  await documents.insert({ data: { wat: 40 } });
  void [id, text];
}

export async function lists(db: Database): Promise<void> {
  const pairs: [number, string][] = await db.query<[number, string]>('SELECT 1, 2', [], { rows: 'array' });
  const one: [number] = await db.queryOne<[number]>('SELECT 1', undefined, { rows: 'array', timeout: 5 });
  const loose = await db.query('SELECT 1', [], { rows: 'array' });
  const cell: number = loose[0]?.[0];
  for await (const [id] of db.stream<[number]>('SELECT 1', [], { rows: 'array' })) void (id satisfies number);
  const { columns, rows, rowsChanged, lastRowId } = await db.run<Item>('SELECT * FROM items');
  const declared: string | null | undefined = columns[0]?.declaredType;
  const items: Item[] = rows;
  const raw: any[][] = (await db.run('SELECT 1', [], { rows: 'array' })).rows;
  const table: any[][] = await db.table<Item>('items').select().all({ rows: 'array' });
  for await (const row of db.table<Item>('items').stream({ rows: 'array' })) table.push(row);
  // @ts-expect-error rows have no such form
  await db.query('SELECT 1', [], { rows: 'list' });
  // @ts-expect-error a list is not an object by column name
  await db.query<Item>('SELECT 1', [], { rows: 'array' });
  void [pairs, one, cell, declared, items, raw, rowsChanged, lastRowId];
}

export async function failed(db: Database): Promise<string | undefined> {
  try {
    await db.execute('INSERT');
  } catch (error) {
    if (error instanceof UbiqliteError) return error.sql;
  }
  return undefined;
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
  // @ts-expect-error no transaction begins like this
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
  // @ts-expect-error no such option
  await open('app.db', { busytimeout: 2000 });
  // @ts-expect-error no such mode
  await open('app.db', { journalMode: 'off' });
  try {
    await limited.execute('DELETE FROM items', [value]);
  } catch (error) {
    if (error instanceof BusyError) return;
    if (error instanceof UbiqliteError && error.kind === 'UniqueViolation') void error.columns.join(error.table);
    // @ts-expect-error no such kind
    if (error instanceof UbiqliteError && error.kind === 'Unique') return;
    throw error;
  }
  void [rowsChanged, lastRowId, first?.rowsChanged, names];
}

export async function changes(db: Database): Promise<void> {
  const outbox = await db.outbox(['items', 'notes']);
  const batch: OutboxBatch | undefined = await outbox.next();
  for await (const { id, bytes } of outbox) {
    const sent: Uint8Array = bytes;
    await outbox.ack(id);
    const newest: Policies = { policy: 'theirs', tables: { notes: { newest: 'updated_at' }, settings: 'ours' } };
    const { conflicts, rebased }: Applied = await db.apply(sent, newest);
    await db.transaction((tx) => tx.apply(new ArrayBuffer(8), 'abort', { timeout: 1000 }));
    const first: Conflict | undefined = conflicts[0];
    const kind: 'data' | 'not_found' | 'exists' | 'constraint' | undefined = first?.kind;
    void [rebased, kind, first?.ours?.name];
  }
  // @ts-expect-error there may be no batch
  batch.id;
  // @ts-expect-error the policy must be given
  await db.apply(new Uint8Array());
  // @ts-expect-error no such policy
  await db.apply(new Uint8Array(), 'mine');
  // @ts-expect-error the policy for all tables must be given
  await db.apply(new Uint8Array(), { tables: { notes: 'ours' } });
  // @ts-expect-error a batch is not its bytes
  await db.apply(batch, 'theirs');
}

export async function several(db: Database): Promise<void> {
  const query: WatchedQuery = ['SELECT * FROM items WHERE id > ?', [1], { key: 'id', rows: 'array' }];
  // Rows are of the form that each query asks for.
  for await (const [items, lists, total] of db.watchAll(['SELECT 1', ['SELECT 1', [], { rows: 'array' }], ['SELECT 1', { a: 1 }, { key: ['a', 'b'] }]])) {
    const names: Row[] = [...items.rows, ...total.rows];
    const cells: any[][] = [...lists.rows];
    const moment: number = total.moment;
    void [names, cells, moment, items.diff.updated, lists.reset];
    // @ts-expect-error rows are read, not written
    items.rows.push({});
  }
  // Or of the types that the caller names.
  const live = db.watchAll<[Item, [number]]>(['SELECT * FROM items', ['SELECT count(*) FROM items', [], { rows: 'array' }]], { timeout: 1000 });
  const stop: () => void = live.subscribe(([items, total]) => void [items.rows[0]!.value, total.rows[0]![0]], (error: unknown) => void error);
  const { value } = await live.next();
  const first: Updates<[Item, [number]]> | undefined = value;
  void [stop, first?.[0].rows[0]?.name, first?.[1].rows[0]?.[0]];
  // Of a list of any length, all are rows by name.
  const list: WatchedQuery[] = [query, 'SELECT 2'];
  for await (const all of db.watchAll(list)) for (const { rows } of all) rows[0]?.name;
  await using ends = db.watchAll([query]);
  void ends;
  // @ts-expect-error the queries are a list
  db.watchAll('SELECT 1');
  // @ts-expect-error one query is a list of SQL, parameters and options
  db.watchAll([{ sql: 'SELECT 1' }]);
  // @ts-expect-error a time limit is for all of it
  db.watchAll([['SELECT 1', [], { timeout: 1000 }]]);
  // @ts-expect-error a key is that of one query
  db.watchAll(['SELECT 1'], { key: 'id' });
}

export async function migrations(generated: Record<string, string>): Promise<void> {
  const files = new Map([['1_items.sql', 'CREATE TABLE items (id)']]);
  const db = await open('app.db', { migrations: generated });
  await open('app.db', { migrations: files });
  await open('app.db', { migrations: [['1_items.sql', 'CREATE TABLE items (id)']] });
  await open('app.db', { migrations: './migrations' });
  await open('app.db', { migrations: { files: new URL('file:///migrations'), allowNewer: true, acceptEdited: false, lockTimeout: 1000 } });
  const migrations = db.timeout(1000).migrations(files, { allowNewer: true });
  const steps: MigrationStep[] = [...(await migrations.pending()), ...(await migrations.run({ timeout: 1000 })), ...(await migrations.dryRun()), ...(await migrations.to(7)), ...(await migrations.to(7n))];
  const actions: ('apply' | 'revert' | 'note' | 'accept_edit')[] = steps.map(({ action }) => action);
  const drift: Drift[] = await migrations.verify();
  const applied: AppliedMigration[] = await migrations.applied();
  const moments: (Date | undefined)[] = applied.map(({ appliedAt }) => appliedAt);
  // @ts-expect-error a migration has a name and a text
  await open('app.db', { migrations: ['1_items.sql'] });
  // @ts-expect-error what import.meta.glob returns without `eager`
  await open('app.db', { migrations: { '1_items.sql': () => Promise.resolve('') } });
  // @ts-expect-error no such option
  await open('app.db', { migrations: { files, alowNewer: true } });
  // @ts-expect-error a migration that was begun may have none
  applied.map(({ appliedAt }) => appliedAt.getTime());
  void [actions, drift, moments];
}

export async function backups(db: Database, response: Response): Promise<void> {
  const seen: BackupProgress[] = [];
  await db.backup('daily.db', { overwrite: true, compact: true, onProgress: (progress) => void seen.push(progress), timeout: 1000 });
  await db.backup(new URL('file:///daily.db'));
  const stream: ReadableStream<Uint8Array> = db.backupStream({ compact: true, signal: new AbortController().signal });
  await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).blob();
  const bytes: Uint8Array<ArrayBuffer> = await db.serialize();
  const sources: DatabaseBytes[] = [bytes, bytes.buffer, new DataView(bytes.buffer), new Blob([bytes]), db.backupStream(), [bytes]];
  for (const source of sources) await db.restore(source);
  await db.restore('daily.db', { timeout: 1000 });
  await db.restore(new URL('file:///daily.db'));
  await db.restore(await response.blob());
  const options: DeserializeOptions = { bigint: true };
  const copy: Database = await deserialize(bytes, options);
  // @ts-expect-error a stream has no name that could be taken
  db.backupStream({ overwrite: true });
  // @ts-expect-error no such option
  await db.backup('daily.db', { replace: true });
  // @ts-expect-error numbers are not bytes
  await db.restore([1, 2, 3]);
  // @ts-expect-error migrations are run once it is open
  await deserialize(bytes, { migrations: './migrations' });
  // @ts-expect-error how far it is does not change
  seen.forEach((progress) => (progress.done = 0));
  void [copy];
}

export async function replicas(db: Database): Promise<void> {
  const objects = new Map<string, Uint8Array>();
  const storage: ReplicaStorage = {
    async put(name, content) {
      const stream: ReadableStream<Uint8Array> = content;
      objects.set(name, new Uint8Array(await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer()));
    },
    list: () => objects.keys(),
    get: async (name) => objects.get(name),
    remove: (name) => void objects.delete(name),
  };
  const replica: Replica = await db.replicate('backup', { interval: 100, memory: 1e6, snapshotEvery: Infinity, keep: 1, closeTimeout: 1, timeout: 5 });
  await db.replicate(new URL('file:///backup'));
  await db.replicate(storage);
  const state: ReplicaState = await replica.flush({ timeout: 1000 });
  const number: number = await restoreReplica(storage, 'new.db', { transaction: state.transaction });
  await restoreReplica('backup', new URL('file:///new.db'), { time: new Date() });
  // @ts-expect-error a storage has four methods
  await db.replicate({ put: storage.put });
  // @ts-expect-error a time may be missing
  state.time.getTime();
  // @ts-expect-error times are numbers of milliseconds
  await db.replicate('backup', { keep: '30 days' });
  void number;
}
