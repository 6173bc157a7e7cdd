import { type ErrorFields, type ErrorKind, errorOf } from '../errors.js';

/** Returns an error of this kind; the message says what is wrong and what to do. */
export function failure(kind: ErrorKind, message: string): Error {
  return errorOf({ kind, message });
}

/** Returns the part of an error that crosses to another context. */
export function portable(error: unknown): ErrorFields {
  const known = error as Partial<ErrorFields> | undefined | null;
  if (typeof known?.kind === 'string') {
    const { kind, message, code, table, columns, offset, path, index } = known as ErrorFields;
    const plain: ErrorFields = { kind, message };
    for (const [field, value] of Object.entries({ code, table, columns, offset, path, index })) {
      if (value !== undefined) Object.assign(plain, { [field]: value });
    }
    return plain;
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { kind: 'Io', message };
}

/** Returns the error for a context that can't keep databases: what is missing there, and what to do. */
export function missing(what: string, remedy: string): Error {
  return failure(
    'Unsupported',
    `a persistent database needs ${what}, which is not available: ${remedy}; or choose { storage: 'memory' } for one that ends with the page`,
  );
}

/** Returns the error that says why the browser refused its file system. */
export function refusedStorage(cause: unknown): Error {
  const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  return missing(
    'the origin private file system',
    `the browser refuses it (${reason}); private windows and blocked site data are the usual reasons`,
  );
}
