// The statements of the works, and the settings of every subject.

const COLUMNS = `id INTEGER PRIMARY KEY, name TEXT NOT NULL, data TEXT NOT NULL,
  status TEXT NOT NULL, value REAL NOT NULL`;

/** The table that is read, and the one that is written. */
export const CREATE_ITEMS = `CREATE TABLE IF NOT EXISTS items(${COLUMNS})`;
export const CREATE_LOG = `CREATE TABLE IF NOT EXISTS log(${COLUMNS})`;

export const SELECT_ONE = 'SELECT id, name, data, status, value FROM items WHERE id = ?';
export const SELECT_ALL = 'SELECT id, name, data, status, value FROM items';
export const INSERT_ITEM =
  'INSERT INTO items(id, name, data, status, value) VALUES (?, ?, ?, ?, ?)';
export const INSERT_LOG = 'INSERT INTO log(name, data, status, value) VALUES (?, ?, ?, ?)';

/** The parameters of INSERT_ITEM and of INSERT_LOG. */
export const itemParams = (row) => [row.id, row.name, row.data, row.status, row.value];
export const logParams = (row) => [row.name, row.data, row.status, row.value];

/**
 * The page cache of every subject: the data set fits in, so that a point read
 * measures the library and SQLite, not the file beneath.
 */
export const CACHE_KIB = 64 * 1024;
