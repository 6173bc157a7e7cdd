import { type ErrorFields, type ErrorKind, errorOf } from '../errors.js';

/** Returns an error of this kind; the message says what is wrong and what to do. */
export function failure(kind: ErrorKind, message: string, path?: string): Error {
  return errorOf({ kind, message, path });
}

/** Returns the part of an error that crosses to another thread. */
export function portable(error: unknown): ErrorFields {
  const known = error as Partial<ErrorFields> | undefined | null;
  if (typeof known?.kind === 'string' && typeof known.message === 'string') {
    const { kind, message, code, table, columns, offset, path, index } = known as ErrorFields;
    return { kind, message, code, table, columns: columns && [...columns], offset, path, index };
  }
  return { kind: 'Internal', message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** Returns the system's name for what went wrong, such as `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined | null)?.code;
  return typeof code === 'string' ? code : undefined;
}
