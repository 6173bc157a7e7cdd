/**
 * Tells those who trace what calls a database gets, how long each waited and how long it ran.
 *
 * The engine measures, and only for calls that somebody traces: they are sent with a flag. A stream is one call, from
 * its beginning to its end.
 */

import { UNTRACED } from '../wire/ops.js';
import type { Times } from '../wire/reply.js';

/** A call, as those who trace it are told. What is not known yet, or does not apply, is `undefined`. */
export interface TracedCall {
  /** The path or name that the database was opened with: OpenTelemetry's `db.namespace`. */
  readonly namespace: string;
  /** The SQL, if the call has one text: `db.query.text`. Parameters are never told. */
  readonly sql: string | undefined;
  /** What the call does in a few words, such as `SELECT items`, once it is over: `db.query.summary`. */
  readonly summary: string | undefined;
  /** The first word of that: `db.operation.name`. */
  readonly operation: string | undefined;
  /** How long it waited for its turn, a connection or a lock, in milliseconds. */
  readonly queueWait: number | undefined;
  /** How long it ran, its commit included, in milliseconds. */
  readonly run: number | undefined;
  /** From the call to its end, in milliseconds. */
  readonly duration: number | undefined;
  /** How many rows it returned: `db.response.returned_rows`. */
  readonly rows: number | undefined;
  /** Why it failed; the `kind` of an UbiqliteError is `error.type`. */
  readonly error: unknown;
}

/** Is told of each call when it is over. */
export type TraceListener = (call: TracedCall) => void;

/** Where calls are published besides listeners: Node's `diagnostics_channel`. */
export interface CallChannel {
  /** Whether anybody listens. */
  readonly isOn: boolean;
  /** Publishes the start of a call, and runs `work` in the context that subscribers give it. */
  begin<T>(call: TracedCall, work: () => T): T;
  /** Publishes its end. */
  end(call: TracedCall): void;
}

/** Set by the platform that has a channel. */
export const channels: { calls: CallChannel | undefined } = { calls: undefined };

type Settle = (outcome: unknown) => void;

/** One call that is traced. */
export class CallTrace {
  private readonly call: { -readonly [Name in keyof TracedCall]: TracedCall[Name] };
  private readonly begun = performance.now();
  private over = false;

  constructor(
    namespace: string,
    sql: unknown,
    private readonly tell: (call: TracedCall) => void,
  ) {
    this.call = {
      namespace,
      sql: typeof sql === 'string' ? sql : undefined,
      summary: undefined,
      operation: undefined,
      queueWait: undefined,
      run: undefined,
      duration: undefined,
      rows: undefined,
      error: undefined,
    };
  }

  /** Does the call's first work, and reports its end before its caller has the outcome. */
  whole<T>(resolve: Settle, reject: Settle, work: (resolve: Settle, reject: Settle) => T): T {
    const done = (result: unknown): void => {
      this.done();
      resolve(result);
    };
    const failed = (error: unknown): void => {
      this.failed(error);
      reject(error);
    };
    return this.within(() => work(done, failed));
  }

  /** Does the call's first work. */
  within<T>(work: () => T): T {
    const { calls } = channels;
    return calls?.isOn === true ? calls.begin(this.call, work) : work();
  }

  /** Notes what the engine has measured so far. */
  measured(times: Times): void {
    const { call } = this;
    call.rows = times.rows;
    [call.queueWait, call.run] = [times.waited, times.ran];
    call.summary = times.summary;
    call.operation = times.summary.split(' ', 1)[0];
  }

  /** Reports the end of the call. */
  done(): void {
    this.end();
  }

  /** Reports that the call failed. */
  failed(error: unknown): void {
    if (this.over) return;
    this.call.error = error;
    this.end();
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    this.call.duration = performance.now() - this.begun;
    this.tell(this.call);
  }
}

/** Those who trace the calls of one client. */
export class Tracer {
  private readonly listeners = new Map<object, { listener: TraceListener; slowerThan: number }>();

  /** @param namespace the path or name that the database was opened with */
  constructor(private readonly namespace: string) {}

  /** Returns the trace of a call, `undefined` if nobody wants it. */
  begin(op: number, sql: unknown): CallTrace | undefined {
    if (this.listeners.size === 0 && channels.calls?.isOn !== true) return undefined;
    return UNTRACED.has(op) ? undefined : new CallTrace(this.namespace, sql, (call) => this.tell(call));
  }

  /**
   * Adds a listener.
   *
   * @param slowerThan it is told only of calls that ran for at least so many milliseconds
   * @returns removes it
   */
  add(listener: TraceListener, slowerThan: number): () => void {
    const key = {};
    this.listeners.set(key, { listener, slowerThan });
    return () => void this.listeners.delete(key);
  }

  private tell(call: TracedCall): void {
    channels.calls?.end(call);
    for (const { listener, slowerThan } of [...this.listeners.values()]) {
      // It may have run, if nothing was reported of it.
      if (slowerThan > 0 && (call.run ?? call.duration ?? 0) < slowerThan) continue;
      try {
        listener(call);
      } catch (error) {
        // The call is none of the listener's: its error is reported where uncaught ones are.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
