/** A typical use of the driver for Drizzle, as the compiler sees it; never run. Wrong lines must be errors. */

import { eq, relations, sql } from 'drizzle-orm';
import type { BaseSQLiteDatabase } from 'drizzle-orm/sqlite-core';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import type { Database, Executed } from 'ubiqlite';
import { drizzle, migrate, type UbiqliteDatabase } from 'ubiqlite/drizzle';

const items = sqliteTable('items', { id: integer().primaryKey(), name: text().notNull() });
const parts = sqliteTable('parts', { item: integer().notNull() });
const itemsRelations = relations(items, ({ many }) => ({ parts: many(parts) }));
const partsRelations = relations(parts, ({ one }) => ({ of: one(items, { fields: [parts.item], references: [items.id] }) }));
const schema = { items, parts, itemsRelations, partsRelations };

export async function uses(database: Database): Promise<void> {
  const db = drizzle(database, { schema });
  const same: UbiqliteDatabase<typeof schema> & { $client: Database } = drizzle({ client: database, schema });
  const any: BaseSQLiteDatabase<'async', Executed, typeof schema> = db;
  const client: Database = db.$client;
  const found: { id: number; name: string }[] = await db.select().from(items).where(eq(items.id, 1));
  const first: { parts: { item: number }[] } | undefined = await db.query.items.findFirst({ with: { parts: true } });
  const written: Executed = await db.insert(items).values({ name: 'lamp' });
  // @ts-expect-error there is no such column
  await db.insert(items).values({ nmae: 'lamp' });
  const [rows, ran]: [{ id: number; name: string }[], Executed] = await db.batch([db.select().from(items), db.run(sql`DELETE FROM items`)]);
  const done: number = await db.transaction(async (tx) => {
    await tx.transaction(async (inner) => inner.delete(items));
    return tx.$count(items);
  }, { behavior: 'deferred' });
  await migrate(db, { migrationsFolder: './drizzle' });
  await migrate(db, { files: { './drizzle/meta/_journal.json': '{}' }, migrationsTable: 'notes' });
  // @ts-expect-error where are they?
  await migrate(db, {});
  // @ts-expect-error it has to be open
  drizzle('app.db');
  void [same, any, client, found, first, written, rows, ran, done];
}
