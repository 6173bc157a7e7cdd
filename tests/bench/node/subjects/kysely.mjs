// Kysely on ours, with the native engine.

import { Kysely } from '../../../../bindings-wasm/node_modules/kysely/dist/index.js';
import { UbiqliteDialect } from '../../../../bindings-wasm/dist/kysely.mjs';

import { open as openOurs } from './ubiqlite.mjs';
import { queries } from './queries/kysely.mjs';

export async function open(path, options) {
  const ours = await openOurs(path, options);
  return { ...ours, ...queries(new Kysely({ dialect: new UbiqliteDialect({ database: ours.database }) })) };
}
