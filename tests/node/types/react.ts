/** Typical components, as the compiler sees them; never run. Wrong lines must be errors. */

import type { Database } from 'ubiqlite';
import { type LiveQuery, useLiveQuery } from 'ubiqlite/react';

interface Item {
  id: number;
  name: string;
}

export function results(db: Database, missing: Database | undefined): void {
  const items = useLiveQuery<Item>(db, 'SELECT * FROM items WHERE id > ?', [1]);
  const maybe: readonly Item[] | undefined = items.rows;
  if (items.status === 'ready') {
    const rows: readonly Item[] = items.rows;
    const none: undefined = items.error;
    // @ts-expect-error rows are shared by components
    items.rows.push({ id: 1, name: 'lamp' });
    void [rows, none];
  }
  if (items.status === 'error') {
    const { message }: Error = items.error;
    void message;
  }
  // @ts-expect-error there may be no rows yet
  items.rows.length;
  // @ts-expect-error an Item has no such column
  items.rows?.[0].nmae;
  const named = useLiveQuery<Item>(missing, 'SELECT * FROM items WHERE id = $id', { id: 1 }, { keepPreviousRows: true });
  const pairs: LiveQuery<[number, string]> = useLiveQuery<[number, string]>(db, 'SELECT id, name FROM items', [], { rows: 'array' });
  // @ts-expect-error undefined is not a value
  useLiveQuery(db, 'SELECT ?', [undefined]);
  // @ts-expect-error a watch of a component ends with the component
  useLiveQuery(db, 'SELECT 1', [], { signal: new AbortController().signal });
  // @ts-expect-error the SQL comes after the database
  useLiveQuery(db);
  void [maybe, named, pairs];
}

export function selections(db: Database): void {
  const items = db.table<Item>('items');
  const chosen: LiveQuery<Item> = useLiveQuery(items.select().where('name', 'lamp').orderBy('id'));
  const lists: LiveQuery<any[]> = useLiveQuery(items.select(), { rows: 'array' });
  const none: LiveQuery<Item> = useLiveQuery<Item>(null);
  // @ts-expect-error a selection has its values in it
  useLiveQuery(items.select(), [1]);
  void [chosen, lists, none];
}
