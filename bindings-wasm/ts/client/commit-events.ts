import { errorOf } from '../errors.js';
import type { Reply } from '../wire/reply.js';
import type { Key, Value } from '../wire/values.js';
import type { ChangedRow, ChangedTable, CommitEvent } from './commit-event.js';
import { Live } from './live.js';

const KINDS = ['insert', 'update', 'delete'] as const;

/** The events of a commit feed. */
export class CommitEvents extends Live<CommitEvent & { number: number }, CommitEvent> {
  protected override read(reply: Reply): (CommitEvent & { number: number }) | undefined {
    const rows = reply.rows();
    if (reply.ends) return undefined;
    const cells = rows.lists<[unknown]>().map(([cell]) => cell);
    let at = 0;
    const count = (): number => Number(cells[at++]);
    const [number, moment, flags] = [count(), count(), count()];
    const tables: ChangedTable[] = [];
    while (at < cells.length) {
      const name = cells[at++] as string;
      const width = count();
      const changed = Array.from({ length: count() }, (): ChangedRow => {
        const kind = KINDS[count()];
        const key = cells.slice(at, at + width) as Value[];
        at += width;
        if (kind === undefined || key.length < width) throw errorOf({ kind: 'Internal', message: 'the engine sent a commit that is cut off' });
        return { kind, key: width === 1 ? (key[0] as Key) : (key as Key) };
      });
      tables.push({ name, rows: width === 0 ? undefined : changed });
    }
    return { number, moment, tables, everything: (flags & 1) !== 0, schema: (flags & 2) !== 0, external: (flags & 4) !== 0, reset: false };
  }

  protected override take({ number: _, ...event }: CommitEvent & { number: number }): CommitEvent {
    return event;
  }

  /** What was committed in between is not known. */
  protected override begunAgain(): CommitEvent {
    return { moment: 0, tables: [], everything: true, schema: true, external: true, reset: true };
  }
}
