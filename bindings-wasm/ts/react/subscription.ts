import type { Watch } from '../api/watch.js';

/** A query's result, in a component. */
export type LiveQuery<T> =
  /** Nothing is known of this query yet. `rows`: with `keepPreviousRows`, those of the query before. */
  | { readonly status: 'pending'; readonly rows: readonly T[] | undefined; readonly error: undefined }
  /** The rows of the newest result. */
  | { readonly status: 'ready'; readonly rows: readonly T[]; readonly error: undefined }
  /** The query failed and is not watched any more. `rows`: the last ones, if there were any. */
  | { readonly status: 'error'; readonly rows: readonly T[] | undefined; readonly error: Error };

const PENDING = { status: 'pending', rows: undefined, error: undefined } as const;

/** Returns the result of a query of which nothing is known. It is one object: React compares. */
export function pending<T>(): LiveQuery<T> {
  return PENDING;
}

/** The queries that are watched, by their client and what the engine is asked. */
const watched = new WeakMap<object, Map<string, Live<any>>>();

/** A query that is watched for all components that show it. */
class Live<T> {
  result: LiveQuery<T> = PENDING;
  private readonly listeners = new Set<() => void>();
  private readonly stop: () => void;

  /** @param over called once, when nobody listens any more or the query has failed */
  constructor(
    watch: Watch<T>,
    private readonly over: () => void,
  ) {
    this.stop = watch.subscribe(
      ({ rows }) => this.show({ status: 'ready', rows, error: undefined }),
      (error) => {
        // Who comes after this tries again.
        this.over();
        this.show({ status: 'error', rows: this.result.rows, error: error as Error });
      },
    );
  }

  add(listener: () => void): () => void {
    // The same function may be added twice, and removed once.
    const own = (): void => listener();
    this.listeners.add(own);
    return () => {
      this.listeners.delete(own);
      // StrictMode, and a component that takes the place of another, listen again within this turn.
      void Promise.resolve().then(() => {
        if (this.listeners.size > 0) return;
        this.over();
        this.stop();
      });
    };
  }

  private show(result: LiveQuery<T>): void {
    this.result = result;
    for (const listener of [...this.listeners]) listener();
  }
}

/** What one component listens to. It is inert until React subscribes, which a discarded render never does. */
export class Subscription<T> {
  private live: Live<T> | undefined;
  private readonly failure: LiveQuery<T> | undefined;

  /** @param failed why the query can't be asked */
  constructor(
    private readonly client: object | undefined,
    private readonly request: string,
    private readonly watch: () => Watch<T> | undefined,
    failed: Error | undefined,
  ) {
    if (failed !== undefined) this.failure = { status: 'error', rows: undefined, error: failed };
  }

  readonly read = (): LiveQuery<T> => {
    if (this.failure !== undefined) return this.failure;
    return (this.live ?? this.shared())?.result ?? PENDING;
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    const live = this.shared() ?? this.begin();
    if (live === undefined) return () => {};
    this.live = live;
    const remove = live.add(listener);
    return () => {
      this.live = undefined;
      remove();
    };
  };

  private shared(): Live<T> | undefined {
    return this.client === undefined ? undefined : watched.get(this.client)?.get(this.request);
  }

  private begin(): Live<T> | undefined {
    const { client, request } = this;
    if (client === undefined) return undefined;
    const watch = this.watch();
    if (watch === undefined) return undefined;
    const all = watched.get(client) ?? new Map<string, Live<any>>();
    watched.set(client, all);
    const live: Live<T> = new Live(watch, () => {
      // Another may have taken its place after a failure.
      if (all.get(request) === live) all.delete(request);
    });
    all.set(request, live);
    return live;
  }
}
