/** The guide's programs for Kysely. */

// #region open
import { Kysely } from 'kysely';
import { open } from 'ubiqlite';
import { UbiqliteDialect } from 'ubiqlite/kysely';

export const kysely = (path) => new Kysely({ dialect: new UbiqliteDialect({ database: () => open(path) }) });
// #endregion open

// #region query
/** Adds an author with a book, both or neither, and returns all titles. */
export async function publish(db, name, title) {
  await db.transaction().execute(async (trx) => {
    const { id } = await trx.insertInto('authors').values({ name }).returning('id').executeTakeFirstOrThrow();
    await trx.insertInto('books').values({ author: id, title }).execute();
  });
  const rows = await db.selectFrom('books').select('title').orderBy('title').execute();
  return rows.map((row) => row.title);
}
// #endregion query

// #region watch
/** Calls `render` with the titles now, and whenever they are others. Returns what ends it. */
export function watchTitles(db, database, render) {
  const { sql, parameters } = db.selectFrom('books').select('title').orderBy('title').compile();
  return database.watch(sql, parameters).subscribe(({ rows }) => render(rows.map((row) => row.title)));
}
// #endregion watch
