/**
 * The tables, and the types of their rows: plain objects keyed by column name.
 */

/**
 * @typedef {{ id: number, name: string, data: string, status: string, value: number }} Item
 *   `data` is JSON text
 * @typedef {{ name: string, email: string }} User
 * @typedef {{ id: number, total: number, created_at: string }} Order
 * @typedef {{ count: number, sum: number }} Totals what a dashboard shows about all orders
 */

export const SCHEMA = `
  CREATE TABLE items (
    id     INTEGER PRIMARY KEY,
    name   TEXT NOT NULL,
    data   TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(data)),
    status TEXT NOT NULL DEFAULT 'new',
    value  REAL NOT NULL DEFAULT 0
  );
  CREATE INDEX items_by_status ON items (status);

  CREATE TABLE accounts (
    id      INTEGER PRIMARY KEY,
    balance INTEGER NOT NULL CHECK (balance >= 0)
  );

  CREATE TABLE users (
    id    INTEGER PRIMARY KEY,
    name  TEXT NOT NULL,
    email TEXT NOT NULL UNIQUE
  );
  CREATE TABLE orders (
    id         INTEGER PRIMARY KEY,
    user_id    INTEGER NOT NULL REFERENCES users (id),
    total      INTEGER NOT NULL,
    created_at TEXT NOT NULL DEFAULT current_timestamp
  );
  CREATE INDEX orders_by_user ON orders (user_id, id);
`;
