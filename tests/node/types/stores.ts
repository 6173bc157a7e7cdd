/** Typical uses of the adapters for Keyv, unstorage and db0, as the compiler sees them; never run. Wrong lines must be errors. */

import { type Connector, createDatabase } from 'db0';
import Keyv, { type KeyvStoreAdapter } from 'keyv';
import { type Database, open } from 'ubiqlite';
import connect, { type UbiqliteConnectorOptions } from 'ubiqlite/db0';
import { UbiqliteStore, type UbiqliteStoreOptions } from 'ubiqlite/keyv';
import drive, { type UbiqliteDriverOptions } from 'ubiqlite/unstorage';
import { type Driver, createStorage } from 'unstorage';

export async function keeps(database: Database): Promise<void> {
  const options: UbiqliteStoreOptions = { database, table: 'cache' };
  const store: KeyvStoreAdapter = new UbiqliteStore(options);
  const cache = new Keyv<number>({ store, namespace: 'n' });
  const found: number | undefined = await cache.get('a');
  new Keyv(new UbiqliteStore({ database: () => open('cache.db') }));
  // @ts-expect-error a path is not a database
  new UbiqliteStore({ database: 'cache.db' });
  // @ts-expect-error there is no such option
  new UbiqliteStore({ database, tabel: 'cache' });
  void found;
}

export async function stores(database: Database): Promise<void> {
  const options: UbiqliteDriverOptions = { database: () => open('app.db'), ttl: 60 };
  const driver: Driver = drive(options);
  const storage = createStorage<string>({ driver });
  const text: string | null = await storage.getItem('a');
  await drive({ database }).setItem('a', 'b', { ttl: 5 });
  // @ts-expect-error a path is not a database
  drive({ database: 'app.db' });
  void text;
}

export async function connects(database: Database): Promise<void> {
  const options: UbiqliteConnectorOptions = { database };
  const connector: Connector<Database> = connect(options);
  const db = createDatabase(connector);
  const { rows } = await db.sql<{ rows: { id: number }[] }>`SELECT id FROM items WHERE name = ${'lamp'}`;
  const ours: Database = await createDatabase(connect(options)).getInstance();
  // @ts-expect-error a path is not a database
  connect({ database: 'app.db' });
  void [rows, ours];
}
