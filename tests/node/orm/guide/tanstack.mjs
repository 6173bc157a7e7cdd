/** The guide's program for TanStack DB. */

// #region open
import { createCollection } from '@tanstack/db';
import { persistedCollectionOptions } from '@tanstack/db-sqlite-persistence-core';
import { createUbiqlitePersistence } from 'ubiqlite/tanstack';

export function todosOf(database) {
  const persistence = createUbiqlitePersistence({ database });
  return createCollection(persistedCollectionOptions({ id: 'todos', getKey: (todo) => todo.id, persistence }));
}
// #endregion open

// #region use
/** Adds an item, and returns when it is in the database. It is shown at once. */
export async function add(todos, id, text) {
  await todos.insert({ id, text, done: false }).isPersisted.promise;
}
// #endregion use

// #region watch
/** Calls `render` with the texts now, and whenever a tab or process has changed them. */
export function watchTexts(todos, render) {
  const show = () => render(todos.toArray.map((todo) => todo.text).sort());
  const subscription = todos.subscribeChanges(show);
  todos.onFirstReady(show);
  return () => subscription.unsubscribe();
}
// #endregion watch
