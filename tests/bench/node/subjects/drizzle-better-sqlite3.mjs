// Drizzle on better-sqlite3, by its own driver, whose transactions are synchronous.

import * as orm from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import * as core from 'drizzle-orm/sqlite-core';

import { open as openPeer } from './better-sqlite3.mjs';
import { queries } from './queries/drizzle.mjs';

export function open(path, options) {
  const peer = openPeer(path, options);
  return { ...peer, ...queries(drizzle(peer.database), orm, core, { sync: true }) };
}
