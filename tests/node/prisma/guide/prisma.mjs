/** The guide's program for Prisma. `PrismaClient` is from the generated client. */

// #region open
import { open } from 'ubiqlite';
import { PrismaUbiqlite } from 'ubiqlite/prisma';

export const prisma = (PrismaClient, path) =>
  new PrismaClient({ adapter: new PrismaUbiqlite({ database: () => open(path, { bigint: true }) }) });
// #endregion open

// #region query
/** Adds a user with a post, both or neither, and returns all titles. */
export async function publish(db, email, title) {
  return db.$transaction(async (tx) => {
    const { id } = await tx.user.create({ data: { email } });
    await tx.post.create({ data: { title, author: { connect: { id } } } });
    return tx.post.findMany({ select: { title: true, author: { select: { email: true } } }, orderBy: { title: 'asc' } });
  });
}
// #endregion query

// #region watch
/** Calls `render` with the titles now, and whenever they are others. Returns what ends it. */
export function watchTitles(database, render) {
  return database.watch('SELECT title FROM Post ORDER BY title').subscribe(({ rows }) => render(rows.map((row) => row.title)));
}
// #endregion watch
