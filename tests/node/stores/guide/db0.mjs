/** The guide's program for db0. */

// #region open
import { createDatabase } from 'db0';
import { open } from 'ubiqlite';
import ubiqlite from 'ubiqlite/db0';

export const database = (path) => createDatabase(ubiqlite({ database: () => open(path) }));
// #endregion open

// #region use
/** Adds an item, and returns those that cost at most as much. */
export async function addItem(db, name, price) {
  await db.sql`INSERT INTO items (name, price) VALUES (${name}, ${price})`;
  const { rows } = await db.sql`SELECT name FROM items WHERE price <= ${price} ORDER BY name`;
  return rows.map((row) => row.name);
}
// #endregion use
