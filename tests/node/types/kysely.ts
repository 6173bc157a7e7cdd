/** A typical use of the dialect for Kysely, as the compiler sees it; never run. Wrong lines must be errors. */

import { type Generated, Kysely } from 'kysely';
import { type Database, open } from 'ubiqlite';
import { UbiqliteDialect, type UbiqliteDialectConfig } from 'ubiqlite/kysely';

interface Schema {
  items: { id: Generated<number>; name: string };
}

export async function uses(database: Database): Promise<void> {
  const config: UbiqliteDialectConfig = { database };
  const db = new Kysely<Schema>({ dialect: new UbiqliteDialect(config) });
  const lazy = new Kysely<Schema>({ dialect: new UbiqliteDialect({ database: () => open('app.db') }) });
  const items: { id: number; name: string }[] = await db.selectFrom('items').selectAll().execute();
  // @ts-expect-error there is no such column
  await db.selectFrom('items').select('nmae').execute();
  // @ts-expect-error a path is not a database
  new UbiqliteDialect({ database: 'app.db' });
  const { sql, parameters } = db.selectFrom('items').selectAll().compile();
  database.watch(sql, parameters as []);
  void [items, lazy];
}
