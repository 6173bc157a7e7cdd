import { type ErrorFields, type ErrorKind, errorOf } from '../errors.js';

/** An error of this kind that says what is wrong and what to do. */
export function failure(kind: ErrorKind, message: string, path?: string): Error {
  return errorOf({ kind, message, path });
}

/** What crosses of an error to another thread. */
export function portable(error: unknown): ErrorFields {
  const known = error as Partial<ErrorFields> | undefined | null;
  if (typeof known?.kind === 'string' && typeof known.message === 'string') {
    const { kind, message, code, table, columns, offset, path, index } = known as ErrorFields;
    return { kind, message, code, table, columns: columns && [...columns], offset, path, index };
  }
  return { kind: 'Internal', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** The system's name of what went wrong, such as `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined | null)?.code;
  return typeof code === 'string' ? code : undefined;
}
