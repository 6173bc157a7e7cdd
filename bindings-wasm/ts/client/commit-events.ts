import { CellReader } from '../wire/cells.js';
import type { Reply } from '../wire/reply.js';
import type { Key, Value } from '../wire/values.js';
import type { ChangedRow, ChangedTable, CommitEvent } from './commit-event.js';
import { Live } from './live.js';

const KINDS = ['insert', 'update', 'delete'] as const;

/** The events of a commit feed. */
export class CommitEvents extends Live<CommitEvent & { number: number }, CommitEvent> {
  protected override read(reply: Reply): (CommitEvent & { number: number }) | undefined {
    const cells = new CellReader(reply, 'a commit');
    if (reply.ends) return undefined;
    const [number, moment, flags] = [cells.count(), cells.count(), cells.count()];
    const tables = cells.all((): ChangedTable => {
      const name = cells.next() as string;
      const width = cells.count();
      const changed = Array.from({ length: cells.count() }, (): ChangedRow => {
        const kind = cells.one(KINDS);
        const key = Array.from({ length: width }, () => cells.next() as Value);
        return { kind, key: width === 1 ? (key[0] as Key) : (key as Key) };
      });
      return { name, rows: width === 0 ? undefined : changed };
    });
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
