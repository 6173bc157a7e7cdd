import { type EngineModule, load } from '../engine/serve.js';

/** How long a worker that is otherwise ready waits for the page's module before it loads the code itself, in milliseconds. */
const PATIENCE = 20;

/** The engine's code in a worker: compiled by the page while this worker started, or loaded here. */
export class EngineCode {
  private arrived!: (module: WebAssembly.Module | undefined) => void;
  private readonly module = new Promise<WebAssembly.Module | undefined>((resolve) => (this.arrived = resolve));
  private loading: Promise<EngineModule> | undefined;

  /** Takes the module; `undefined`: the page has none. */
  take(module: WebAssembly.Module | undefined): void {
    this.arrived(module);
  }

  /**
   * Loads the engine, once.
   *
   * @param wasm the address of its code, for a worker that gets no module
   * @param ready settles when nothing else is left to do: a page that is busy delays its message, and the worker does
   *   not wait for that longer than it would take itself
   */
  load(wasm: string, ready: Promise<unknown>): Promise<EngineModule> {
    this.loading ??= this.first(wasm, ready);
    return this.loading;
  }

  private async first(wasm: string, ready: Promise<unknown>): Promise<EngineModule> {
    const late = ready.then(
      () => new Promise<undefined>((resolve) => setTimeout(resolve, PATIENCE)),
      () => undefined,
    );
    return load((await Promise.race([this.module, late])) ?? wasm);
  }
}
