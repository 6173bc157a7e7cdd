import { DriverAdapterError, type MappedError } from '@prisma/driver-adapter-utils';

import type { UbiqliteError } from '../errors.js';

/** The names of SQLite's result codes, in the order of the codes: https://sqlite.org/rescode.html. */
const CODES =
  'OK,ERROR,INTERNAL,PERM,ABORT,BUSY,LOCKED,NOMEM,READONLY,INTERRUPT,IOERR,CORRUPT,NOTFOUND,FULL,CANTOPEN,PROTOCOL,EMPTY,SCHEMA,TOOBIG,CONSTRAINT,MISMATCH,MISUSE,NOLFS,AUTH,FORMAT,RANGE,NOTADB'.split(',');
/** Those of constraints, without `SQLITE_CONSTRAINT_`. */
const CONSTRAINTS = ',CHECK,COMMITHOOK,FOREIGNKEY,FUNCTION,NOTNULL,PRIMARYKEY,TRIGGER,UNIQUE,VTAB,ROWID,PINNED,DATATYPE'.split(',');

/**
 * Throws an error as Prisma wants it, of which it makes its own, with a code such as `P2002`. One that Prisma has no
 * word for, such as `InvalidArgument`, is thrown as it is.
 */
export function rejected(error: unknown): never {
  const ours = error as UbiqliteError;
  const mapped = mappedOf(ours);
  if (mapped === undefined) throw error;
  throw new DriverAdapterError({ ...mapped, originalCode: nameOf(ours), originalMessage: ours.message });
}

function mappedOf({ kind, code, message, table, columns }: UbiqliteError): MappedError | undefined {
  switch (kind) {
    case 'UniqueViolation':
    case 'PrimaryKeyViolation':
      return { kind: 'UniqueConstraintViolation', constraint: fieldsOf(columns) ?? indexOf(message), table };
    case 'NotNullViolation':
      return { kind: 'NullConstraintViolation', constraint: fieldsOf(columns) };
    case 'ForeignKeyViolation':
    case 'TriggerViolation':
      return { kind: 'ForeignKeyConstraintViolation', constraint: { foreignKey: {} } };
    case 'Busy':
    case 'Timeout':
      return { kind: 'SocketTimeout' };
    case 'Closed':
      return { kind: 'ConnectionClosed' };
    case 'NoSuchTable':
      return { kind: 'TableDoesNotExist', table };
    case 'NoSuchColumn':
      return { kind: 'ColumnNotFound', column: columns[0] };
    default:
      return code === undefined ? undefined : { kind: 'sqlite', extendedCode: code, message };
  }
}

type Constraint = { fields: string[] } | { index: string };

function fieldsOf(columns: readonly string[] | undefined): Constraint | undefined {
  return columns?.length ? { fields: [...columns] } : undefined;
}

/** Returns the name of a violated index, where SQLite reports that instead of columns: one on expressions. */
function indexOf(message: string): Constraint | undefined {
  const [, index] = / constraint failed: index '(.*)'$/.exec(message) ?? [];
  return index === undefined ? undefined : { index };
}

function nameOf({ kind, code }: UbiqliteError): string {
  if (code === undefined) return kind;
  const name = `SQLITE_${CODES[code & 0xff] ?? code}`;
  const constraint = name === 'SQLITE_CONSTRAINT' && CONSTRAINTS[code >> 8];
  return constraint ? `${name}_${constraint}` : name;
}
