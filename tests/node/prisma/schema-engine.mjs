/** Prisma's engine for schemas, compiled to WebAssembly, on a driver adapter. */

import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const NAME = '@prisma/schema-engine-wasm/schema_engine_bg';

/** Without exceptions from what it looks at. */
export const filters = { externalTables: [], externalEnums: [] };

/** Gives a function the engine on the adapter of a factory, and closes that when it is done: the engine does not. */
export async function withSchemaEngine(factory, use) {
  const adapters = [];
  const kept = (connect) => async () => {
    adapters.push(await connect());
    return adapters.at(-1);
  };
  const { provider, adapterName } = factory;
  const engine = await make({ provider, adapterName, connect: kept(() => factory.connect()), connectToShadowDb: kept(() => factory.connectToShadowDb()) });
  try {
    return await use(engine);
  } finally {
    engine.free();
    await Promise.all(adapters.map((it) => it.dispose().catch(() => {})));
  }
}

let loaded;

async function make(factory) {
  // Once: the glue has one instance, and what is left of an earlier one is freed in it.
  loaded ??= load();
  return (await loaded).new({ datamodels: undefined }, () => {}, bindMigrationAwareSqlAdapterFactory(factory));
}

async function load() {
  const glue = await import(NAME);
  const code = readFileSync(createRequire(import.meta.url).resolve(NAME).replace(/js$/, 'wasm'));
  // It has timers of a minute, which are not to keep a process going.
  const unref = (set) => (...args) => {
    const timer = set(...args);
    timer.unref();
    return timer;
  };
  const imports = Object.fromEntries(Object.entries(glue).map(([name, it]) => [name, name.startsWith('__wbg_setTimeout') ? unref(it) : it]));
  const { instance: { exports } } = await WebAssembly.instantiate(code, { './schema_engine_bg.js': imports });
  glue.__wbg_set_wasm(exports);
  exports.__wbindgen_start();
  return glue.SchemaEngine;
}

/** Makes the tables of a schema, as `prisma db push` does. */
export function push(factory, content) {
  return withSchemaEngine(factory, (engine) => engine.schemaPush({ force: false, schema: { files: [{ path: 'schema.prisma', content }] }, filters }));
}
