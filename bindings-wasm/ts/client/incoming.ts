import type { Replies } from '../wire/latin1.js';
import { Kind } from '../wire/ops.js';
import { readReplies } from '../wire/reply.js';
import type { Known } from '../wire/rows.js';
import type { Pending } from './call.js';
import type { Pendings } from './pendings.js';

/** What becomes of a call once its reply is read. */
export interface Ends {
  /** It is no longer pending. */
  over(pending: Pending): void;
  /** It failed in the engine, or its reply can't be read. */
  fail(pending: Pending, error: unknown): void;
}

/**
 * Gives each reply of a batch to the call that waits for it.
 *
 * @throws for a batch that can't be read: later replies depend on it
 */
export function deliver(batch: Replies, known: Known, pendings: Pendings, ends: Ends): void {
  readReplies(batch, known, (reply) => {
    const pending = pendings.get(reply.id);
    // Column names are sent only once, perhaps with a call that was cancelled.
    if (pending === undefined || reply.kind === Kind.error) reply.note();
    if (pending === undefined) return;
    if (reply.kind === Kind.times) {
      pending.call.trace?.measured(reply.times());
      return;
    }
    const { continues } = reply;
    let result: unknown;
    try {
      if (reply.kind === Kind.error) throw reply.error();
      if (!continues) ends.over(pending);
      result = pending.call.read(reply, pending.before);
    } catch (error) {
      ends.fail(pending, error);
      return;
    }
    if (!continues) {
      pending.resolve(result);
      return;
    }
    pending.before = result;
    // Rows are sent before the call is done only if it changes nothing.
    pending.effect = 'nothing';
    pending.doubted = false;
  });
}
