/** The guide's programs for Drizzle. */

// #region open
import { open } from 'ubiqlite';
import { drizzle, migrate } from 'ubiqlite/drizzle';

import * as schema from './schema.mjs';

export async function library(path, migrationsFolder) {
  const db = drizzle(await open(path), { schema });
  await migrate(db, { migrationsFolder });
  return db;
}
// #endregion open

// #region query
/** Adds an author with a book, both or neither, and returns all authors with their books. */
export async function publish(db, name, title) {
  await db.transaction(async (tx) => {
    const [{ id }] = await tx.insert(schema.authors).values({ name }).returning();
    await tx.insert(schema.books).values({ author: id, title });
  });
  return db.query.authors.findMany({ columns: { name: true }, with: { books: { columns: { title: true } } } });
}
// #endregion query

// #region watch
/** Calls `render` with the titles now, and whenever they are others. Returns what ends it. */
export function watchTitles(db, render) {
  const { sql, params } = db.select({ title: schema.books.title }).from(schema.books).orderBy(schema.books.title).toSQL();
  return db.$client.watch(sql, params).subscribe(({ rows }) => render(rows.map((row) => row.title)));
}
// #endregion watch
