/** The package next to Prisma, with a generated client. */

import { createRequire } from 'node:module';
import { join } from 'node:path';

import { LIMIT, folder, install, within } from '../installed.mjs';
import { datamodel, generated } from './generate.mjs';
import { push } from './schema-engine.mjs';

export { ENGINE, LIMIT, PACKAGE, failure, folder, only, pause, within } from '../installed.mjs';
export { datamodel } from './generate.mjs';

install(import.meta.url);

/** The folder of the generated client. */
export const CLIENT = await generated();

export const { PrismaClient, Prisma } = createRequire(import.meta.url)(CLIENT);
export const { open } = await import('ubiqlite');
export const { PrismaUbiqlite } = await import('ubiqlite/prisma');

/**
 * Returns Prisma's client on a new database with the tables of the schema, the database as the test opened it, and its
 * path. The client opens it again, or uses what the test opened if `shared`.
 */
export async function client(t, { shared = false, options = { bigint: true }, ...config } = {}) {
  const path = join(folder(t), 'app.db');
  const database = await open(path, options);
  const factory = new PrismaUbiqlite({ database: shared ? database : () => open(path, options), ...config });
  await push(factory, datamodel);
  const prisma = new PrismaClient({ adapter: factory });
  t.after(async () => {
    await within(LIMIT, prisma.$disconnect(), '$disconnect');
    await within(LIMIT, database.close(), 'close');
  });
  return { prisma, database, path, factory };
}
