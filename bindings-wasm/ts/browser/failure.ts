import { UbiqliteError } from '../errors.js';
import type { Failure } from './protocol.js';

/** An error of this kind that says what is wrong and what to do. */
export function failure(kind: string, message: string): Error {
  return revived({ kind, message });
}

/** The error that crossed from a worker. */
export function revived(failure: Failure): Error {
  return new UbiqliteError(failure);
}

/** What crosses of an error. */
export function portable(error: unknown): Failure {
  const known = error as Partial<Failure> | undefined;
  if (known !== undefined && known !== null && typeof known.kind === 'string') {
    const { kind, message, code, table, columns, offset, path, index } = known as Failure;
    const plain: Failure = { kind, message };
    for (const [field, value] of Object.entries({ code, table, columns, offset, path, index })) {
      if (value !== undefined) Object.assign(plain, { [field]: value });
    }
    return plain;
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { kind: 'Io', message };
}

/** An `Unsupported` that names what is missing here and what to do. */
export function missing(what: string, remedy: string, wanted = 'a database that is kept'): Error {
  return failure(
    'Unsupported',
    `${wanted} needs ${what}, which is not there: ${remedy}` +
      (wanted === 'a database that is kept' ? "; { storage: 'memory' } keeps one for the life of this page" : ''),
  );
}

/** Why the browser would not give us its file system, in words. */
export function refusedStorage(cause: unknown): Error {
  const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  return missing(
    'the origin private file system',
    `the browser refuses it (${reason}); private windows and blocked site data are the usual reasons`,
  );
}
