/** Makes Prisma's client for the schema, as `prisma generate` does, without Prisma's command: that wants to load engines. */

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// The ES modules of these packages import files that are not there.
const require = createRequire(import.meta.url);

const SCHEMA = fileURLToPath(new URL('schema.prisma', import.meta.url));
/** The schema, as Prisma reads it. */
export const datamodel = readFileSync(SCHEMA, 'utf8');

/** Returns the folder of a client that is made if it is missing, or was made of another schema. */
export async function generated() {
  const folder = fileURLToPath(new URL('node_modules/.generated/client', import.meta.url));
  const copy = join(folder, 'schema.prisma');
  if (existsSync(copy) && readFileSync(copy, 'utf8') === datamodel) return folder;
  const draft = `${folder}.${process.pid}`;
  mkdirSync(dirname(draft), { recursive: true });
  await generate(draft);
  rmSync(folder, { recursive: true, force: true });
  // Somebody else may have done the same.
  if (!existsSync(folder)) renameSync(draft, folder);
  return folder;
}

async function generate(folder) {
  const { PrismaClientJsGenerator } = require('@prisma/client-generator-js');
  const { getConfig, getDMMF } = require('@prisma/internals');
  const files = { datamodel: [[SCHEMA, datamodel]] };
  const { generators: [generator], datasources } = await getConfig(files);
  const made = new PrismaClientJsGenerator({ cliCommand: 'prisma' });
  await made.generate({
    generator: { ...generator, output: { fromEnvVar: null, value: folder }, isCustomOutput: true },
    otherGenerators: [], datasources, datamodel, schemaPath: SCHEMA, binaryPaths: {}, noHints: true,
    dmmf: await getDMMF(files), version: (await made.getManifest(generator)).requiresEngineVersion,
  });
}
