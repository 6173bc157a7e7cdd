/** The compiled code. It is kept only while an engine has it: nothing of it stays in a page that has closed its databases. */
let known: WeakRef<WebAssembly.Module> | undefined;
let compiling: Promise<WebAssembly.Module | undefined> | undefined;

/** Returns the address of the engine's code. */
export const wasmUrl = (): string => new URL('./ubiqlite.wasm', import.meta.url).href;

/**
 * Compiles the engine's code in this context, which can begin before a worker's script runs.
 *
 * Resolves to `undefined` if that is not possible here. A worker has other rules (its own Content-Security-Policy)
 * and other ways (a server that calls the code something else), and loads it itself then, and says what is wrong.
 */
export function compiled(): Promise<WebAssembly.Module | undefined> {
  const module = known?.deref();
  if (module !== undefined) return Promise.resolve(module);
  compiling ??= compile().finally(() => (compiling = undefined));
  return compiling;
}

async function compile(): Promise<WebAssembly.Module | undefined> {
  try {
    const module = await WebAssembly.compileStreaming(fetch(wasmUrl(), { credentials: 'same-origin' }));
    known = new WeakRef(module);
    return module;
  } catch {
    return undefined;
  }
}
