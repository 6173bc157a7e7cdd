// The database that every tab of this origin opens by the same name.
import { open } from 'ubiqlite';

export const db = await open('example.db');

await db.batch(`
  CREATE TABLE IF NOT EXISTS items (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'new');
  CREATE INDEX IF NOT EXISTS items_status ON items (status);
  CREATE TABLE IF NOT EXISTS accounts (
    id INTEGER PRIMARY KEY, owner TEXT NOT NULL, balance INTEGER NOT NULL CHECK (balance >= 0));
  INSERT OR IGNORE INTO accounts VALUES (1, 'Ann', 100), (2, 'Bob', 50), (3, 'Cem', 0);
`);
