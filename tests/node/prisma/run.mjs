/**
 * Runs all operations on a database, and prints what each returned or threw:
 * `node run.mjs ubiqlite|better-sqlite3 FILE CLIENT`.
 */

import { createRequire } from 'node:module';

import { datamodel } from './generate.mjs';
import { errors } from './operations/errors.mjs';
import { models } from './operations/models.mjs';
import { raw } from './operations/raw.mjs';
import { relations } from './operations/relations.mjs';
import { transactions } from './operations/transactions.mjs';
import { values } from './operations/values.mjs';
import { push } from './schema-engine.mjs';
import { tagged } from './tagged.mjs';

const FACTORIES = {
  async 'ubiqlite'(path) {
    const [{ open }, { PrismaUbiqlite }] = await Promise.all([import('ubiqlite'), import('ubiqlite/prisma')]);
    return new PrismaUbiqlite({ database: () => open(path, { bigint: true }) });
  },
  async 'better-sqlite3'(path) {
    const { PrismaBetterSqlite3 } = await import('@prisma/adapter-better-sqlite3');
    return new PrismaBetterSqlite3({ url: path });
  },
};

const [adapter, path, client] = process.argv.slice(2);
const { PrismaClient, Prisma } = createRequire(import.meta.url)(client);
const factory = await FACTORIES[adapter](path);
const done = [['db push', tagged(await push(factory, datamodel))]];
const prisma = new PrismaClient({ adapter: factory });
for (const [name, run] of [...models, ...relations, ...values, ...raw, ...errors, ...transactions]) {
  const result = await Promise.resolve().then(() => run(prisma, { Prisma, user: prisma.user }, prisma)).catch((error) => error);
  done.push([name, tagged(result)]);
}
done.push(['the schema', tagged(await prisma.$queryRaw`SELECT type, name, sql FROM sqlite_schema ORDER BY name`)]);
await prisma.$disconnect();
console.log(JSON.stringify(done));
