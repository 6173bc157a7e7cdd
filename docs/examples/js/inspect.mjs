// The guide's page "A look inside": `inspect.test.mjs` runs each of these functions in a page.

import { open } from 'ubiqlite';

// #region name
import { inspect } from 'ubiqlite/inspect';

export function look() {
  return inspect('app.db');
}
// #endregion name

export async function onlyWhenAsked() {
  // #region asked
  if (location.hash === '#inspect') {
    const { inspect } = await import('ubiqlite/inspect');
    inspect('app.db');
  }
  // #endregion asked
}

export async function lookAt(place) {
  // #region given
  const db = await open(':memory:');
  await db.execute('CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)');

  const panel = inspect(db, { parent: place, theme: 'dark' });
  await panel.ready; // the panel shows the database
  // #endregion given
  return { db, panel };
}

export async function end(panel) {
  // #region close
  await panel.close();
  // #endregion close
}

export function pending(files) {
  // #region migrations
  const panel = inspect('app.db', { migrations: files });
  // #endregion migrations
  return panel;
}
