/** A typical use of the adapter for Prisma, as the compiler sees it; never run. Wrong lines must be errors. */

import type { SqlDriverAdapter, SqlDriverAdapterFactory, SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import { type Database, open } from 'ubiqlite';
import { PrismaUbiqlite, type PrismaUbiqliteConfig } from 'ubiqlite/prisma';

export async function uses(database: Database): Promise<void> {
  const config: PrismaUbiqliteConfig = { database, timestampFormat: 'unixepoch-ms' };
  const factory: SqlDriverAdapterFactory = new PrismaUbiqlite(config);
  const lazy: SqlMigrationAwareDriverAdapterFactory = new PrismaUbiqlite({
    database: () => open('app.db', { bigint: true }),
    shadowDatabase: () => open(':memory:'),
  });
  const adapter: SqlDriverAdapter = await factory.connect();
  // @ts-expect-error a path is not a database
  new PrismaUbiqlite({ database: 'app.db' });
  // @ts-expect-error there is no such form
  new PrismaUbiqlite({ database, timestampFormat: 'seconds' });
  void [lazy, adapter];
}
