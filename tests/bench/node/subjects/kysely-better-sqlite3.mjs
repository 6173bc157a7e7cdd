// Kysely on better-sqlite3, by its own dialect.

import { Kysely, SqliteDialect } from 'kysely';

import { open as openPeer } from './better-sqlite3.mjs';
import { queries } from './queries/kysely.mjs';

export function open(path, options) {
  const peer = openPeer(path, options);
  return { ...peer, ...queries(new Kysely({ dialect: new SqliteDialect({ database: peer.database }) })) };
}
