// Drizzle on ours, with the native engine.

import * as orm from '../../../../bindings-wasm/node_modules/drizzle-orm/index.js';
import * as core from '../../../../bindings-wasm/node_modules/drizzle-orm/sqlite-core/index.js';
import { drizzle } from '../../../../bindings-wasm/dist/drizzle.mjs';

import { open as openOurs } from './ubiqlite.mjs';
import { queries } from './queries/drizzle.mjs';

export async function open(path, options) {
  const ours = await openOurs(path, options);
  return { ...ours, ...queries(drizzle(ours.database), orm, core, { sync: false }) };
}
