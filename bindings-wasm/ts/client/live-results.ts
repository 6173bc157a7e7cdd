import type { Reply } from '../wire/reply.js';
import type { Rows } from '../wire/rows.js';
import { latin1 } from '../wire/text.js';
import { Writer } from '../wire/writer.js';
import type { Call } from './call.js';
import type { EngineClient } from './engine-client.js';
import { Live } from './live.js';
import { Results, type Told } from './results.js';
import type { Update, Updates } from './update.js';

/** Where requests are written that are compared and not sent. */
let draft: Writer | undefined;

/** The results of a watched query. None are queued: a reader that asks late gets the newest. */
export class LiveResults<T> extends Live<Told<T>, Update<T>> {
  private readonly results: Results<T>;

  /** @param all reads the rows of a reply */
  constructor(client: EngineClient, call: Omit<Call<number>, 'read'>, all: (rows: Rows) => T[]) {
    super(client, call, 'watch');
    this.results = new Results(all);
  }

  /** Returns the client and its request, a character per byte. @throws why the request can't be made */
  asked(): readonly [client: object, request: string] {
    const { op, write, options } = this.call;
    if (options?.refused !== undefined) throw options.refused;
    draft ??= new Writer();
    // What is left of a request that could not be made.
    draft.cut(draft.place - draft.pending);
    draft.u8(op);
    write?.(draft);
    return [this.client, draft.take(latin1)];
  }

  protected override read(reply: Reply): Told<T> | undefined {
    return reply.update(this.results.all);
  }

  protected override take(update: Told<T>): Update<T> {
    return this.results.follow(update);
  }
}

/** The results of several watched queries, all of one moment. */
export class LiveResultsOfAll<T extends readonly unknown[]> extends Live<{ number: number; results: Told<unknown>[] }, Updates<T>> {
  private readonly results: readonly Results<unknown>[];

  /** @param all reads the rows of each query, in their order */
  constructor(client: EngineClient, call: Omit<Call<number>, 'read'>, all: readonly ((rows: Rows) => unknown[])[]) {
    super(client, call, 'watch');
    this.results = all.map((each) => new Results(each));
  }

  protected override read(reply: Reply): { number: number; results: Told<unknown>[] } | undefined {
    const results = reply.updates(this.results.map(({ all }) => all));
    // All have the same number.
    return results && { number: results[0]?.number ?? 0, results };
  }

  protected override take({ results }: { results: Told<unknown>[] }): Updates<T> {
    return this.results.map((each, index) => each.follow(results[index] as Told<unknown>)) as Updates<T>;
  }
}
