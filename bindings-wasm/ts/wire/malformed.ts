import { type UbiqliteError, errorOf } from '../errors.js';

/** Returns the error for bytes that no engine of this version sends. */
export function malformed(): UbiqliteError {
  return errorOf({ kind: 'Internal', message: 'a reply from the engine is malformed' });
}
