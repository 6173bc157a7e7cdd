import { errorOf } from '../errors.js';
import { Op } from '../wire/ops.js';
import type { Pending } from './call.js';

/**
 * What becomes of a call when its engine is gone: it is asked of the next engine
 * where nothing can have happened, or happen twice; else it fails with the error
 * that says what is known.
 */
export function whenLost({ posted, repeated, call }: Pending, reason: string): 'again' | Error {
  if (call.on !== undefined) {
    if (posted && call.op === Op.commit) return unknown(reason);
    return errorOf({
      kind: 'Cancelled',
      message: `${reason}; what was open in it is rolled back: begin it anew`,
    });
  }
  // The rows of an operation that had begun are gone with it.
  const begun = posted || call.op === Op.more;
  if (!begun) return 'again';
  if (posted && repeated) {
    // It may be what breaks them.
    return errorOf({ kind: 'Internal', message: `two engines were lost with this call: ${reason}` });
  }
  if (call.again === true) return 'again';
  if (call.incomplete?.() === true) {
    return errorOf({ kind: 'Cancelled', message: `${reason}; nothing was changed: repeat the call` });
  }
  if (call.op === Op.begin || call.op === Op.snapshot || call.op === Op.acquire) return 'again';
  return unknown(reason);
}

function unknown(reason: string): Error {
  return errorOf({
    kind: 'OutcomeUnknown',
    message: `${reason}; whether the change was committed is not known: look, and repeat it where it was not`,
  });
}
