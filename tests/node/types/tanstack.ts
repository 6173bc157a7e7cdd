/** A typical use of the persistence for TanStack DB, as the compiler sees it; never run. Wrong lines must be errors. */

import { type Collection, createCollection } from '@tanstack/db';
import { persistedCollectionOptions, type SQLiteDriver } from '@tanstack/db-sqlite-persistence-core';
import type { Database } from 'ubiqlite';
import { createUbiqlitePersistence, UbiqliteDriver, type UbiqlitePersistenceOptions } from 'ubiqlite/tanstack';

interface Todo {
  id: string;
  text: string;
}

export async function uses(database: Database): Promise<void> {
  const options: UbiqlitePersistenceOptions = { database, schemaMismatchPolicy: 'throw', appliedTxPruneMaxRows: 100 };
  const persistence = createUbiqlitePersistence(options);
  const todos = createCollection(persistedCollectionOptions<Todo, string>({ id: 'todos', getKey: (todo) => todo.id, persistence, schemaVersion: 2 }));
  const rows: Todo[] = todos.toArray;
  todos.insert({ id: 'a', text: 'milk' });
  // @ts-expect-error there is no such field
  todos.insert({ id: 'a', txet: 'milk' });
  // @ts-expect-error a path is not a database
  createUbiqlitePersistence({ database: 'app.db' });
  // @ts-expect-error there is no such policy
  createUbiqlitePersistence({ database, schemaMismatchPolicy: 'keep' });
  const driver: SQLiteDriver = new UbiqliteDriver(database);
  const counted: readonly { n: number }[] = await driver.query<{ n: number }>('SELECT 1 AS n');
  void [rows, counted, {} as Collection<Todo>];
}
