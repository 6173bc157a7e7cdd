import { type UbiqliteError, errorOf } from '../errors.js';
import { Op } from '../wire/ops.js';
import type { Pending } from './call.js';

/**
 * What becomes of a call when its engine is gone: it is asked of the next engine
 * where nothing can have happened, or happen twice; else it fails with the error
 * that says what is known.
 */
export function whenLost({ posted, call }: Pending, reason: string): 'again' | UbiqliteError {
  if (call.on !== undefined) return posted && call.op === Op.commit ? unknown(reason) : rolledBack(reason);
  if (!posted || call.again === true || opens(call.op)) return 'again';
  if (call.incomplete?.() === true) {
    return errorOf({ kind: 'Cancelled', message: `${reason}; nothing was changed: repeat the call` });
  }
  return unknown(reason);
}

/** Whether its request may be sent once more, so that its bytes are to be kept. */
export function mayBeAsked({ call }: Pending): boolean {
  return call.on === undefined && (call.again === true || opens(call.op));
}

/** What is opened is gone with its engine. */
function opens(op: number): boolean {
  return op === Op.begin || op === Op.snapshot || op === Op.acquire;
}

/** What calls on something are told that was in an engine that is gone. */
export function rolledBack(reason: string): UbiqliteError {
  return errorOf({ kind: 'Cancelled', message: `${reason}; what was open in it is rolled back: begin it anew` });
}

function unknown(reason: string): UbiqliteError {
  return errorOf({
    kind: 'OutcomeUnknown',
    message: `${reason}; whether the change was committed is not known: look, and repeat it where it was not`,
  });
}
