import { errorOf } from '../errors.js';
import type { Reply, ReplyUpdate } from '../wire/reply.js';
import type { Rows } from '../wire/rows.js';
import { latin1 } from '../wire/text.js';
import { Writer } from '../wire/writer.js';
import type { Call } from './call.js';
import type { EngineClient } from './engine-client.js';
import { Live } from './live.js';
import type { Update } from './update.js';

/** Where requests are written that are compared and not sent. */
let draft: Writer | undefined;

/** The results of a watched query. None are queued: a reader that asks late gets the newest. */
export class LiveResults<T> extends Live<ReplyUpdate & { fresh: T[] }, Update<T>> {
  private rows: readonly T[] = [];

  /** @param all reads the rows of a reply */
  constructor(
    client: EngineClient,
    call: Omit<Call<number>, 'read'>,
    private readonly all: (rows: Rows) => T[],
  ) {
    super(client, call, 'watch');
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

  protected override read(reply: Reply): (ReplyUpdate & { fresh: T[] }) | undefined {
    return reply.update(this.all);
  }

  protected override take(update: ReplyUpdate & { fresh: T[] }): Update<T> {
    const { moment, runs, whole, fresh } = update;
    const before = whole ? [] : this.rows;
    const rows: T[] = [];
    let next = 0;
    for (const [from, count] of runs) {
      const source = from === undefined ? fresh : before;
      const start = from ?? next;
      if (start + count > source.length) throw errorOf({ kind: 'Internal', message: 'the engine sent a result that does not follow the one before' });
      for (let at = start; at < start + count; at += 1) rows.push(source[at] as T);
      if (from === undefined) next += count;
    }
    // Of a result that does not follow the one before, all rows are new, and all of that are gone.
    const added = whole ? rows.map((_, at) => at) : update.added;
    const removed = whole ? this.rows.map((_, at) => at) : update.removed;
    this.rows = rows;
    return { rows, moment, reset: whole, diff: { added, removed, updated: update.updated } };
  }
}
