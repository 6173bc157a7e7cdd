// The engine of the package in a worker, without messages.

import start, * as engine from '../../../../bindings-wasm/dist/wasm/ubiqlite_wasm.js';

import { engineReads } from '../../js/engine.mjs';

const WASM = new URL('../../../../bindings-wasm/dist/wasm/ubiqlite_wasm_bg.wasm', import.meta.url);

onmessage = async ({ data: { n } }) => {
  const { memory } = await start({ module_or_path: WASM });
  engine.install(undefined, undefined);
  postMessage(await engineReads(engine, memory, n));
};
