// What is asked of Drizzle, whatever it runs on. Its functions come from the copy of the library that the driver uses.

/** Returns the tables, and the queries on them: a driver that is not asynchronous has transactions of its own. */
export function queries(db, { eq }, { integer, real, sqliteTable, text }, { sync }) {
  const columns = () => ({ id: integer().primaryKey(), name: text().notNull(), data: text().notNull(), status: text().notNull(), value: real().notNull() });
  const items = sqliteTable('items', columns());
  const log = sqliteTable('log', columns());
  return {
    sync: false,
    get: async (id) => (await db.select().from(items).where(eq(items.id, id)))[0],
    some: async () => db.select().from(items).orderBy(items.id).limit(1_000),
    insertEach: async (rows) =>
      sync
        ? db.transaction((tx) => {
            for (const row of rows) tx.insert(log).values(row).run();
          })
        : db.transaction(async (tx) => {
            for (const row of rows) await tx.insert(log).values(row);
          }),
  };
}
