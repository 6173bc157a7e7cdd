/** What went wrong, told from SQLite's extended result code wherever one exists. The list is closed. */
export type ErrorKind =
  | 'UniqueViolation'
  | 'PrimaryKeyViolation'
  | 'ForeignKeyViolation'
  | 'NotNullViolation'
  | 'CheckViolation'
  | 'TriggerViolation'
  | 'ConstraintViolation'
  | 'DatatypeMismatch'
  | 'Busy'
  | 'ReadOnly'
  | 'DiskFull'
  | 'Corrupt'
  | 'NotADatabase'
  | 'CannotOpen'
  | 'NoSuchTable'
  | 'NoSuchColumn'
  | 'Syntax'
  | 'InvalidArgument'
  | 'NotFound'
  | 'TooBig'
  | 'OutOfMemory'
  | 'Cancelled'
  | 'Timeout'
  | 'Closed'
  | 'Unsupported'
  | 'OutcomeUnknown'
  | 'SchemaChanged'
  | 'NotAuthorized'
  | 'Io'
  | 'Internal';

/** The fields of an error, as they cross from a worker. @internal */
export interface ErrorFields {
  kind: ErrorKind | (string & {});
  message: string;
  code?: number;
  table?: string;
  columns?: string[];
  offset?: number;
  path?: string;
  index?: number;
}

/**
 * What went wrong: a `kind` to match on, a message that says what to do about it.
 * Each kind has a subclass, for `instanceof`.
 *
 * ```js
 * try {
 *   await db.table('users').insert({ email });
 * } catch (error) {
 *   if (error instanceof UniqueViolationError) return `${error.columns} is taken`;
 *   throw error;
 * }
 * ```
 */
export class UbiqliteError extends Error {
  /** What went wrong. */
  readonly kind: ErrorKind;
  /** SQLite's extended result code, where SQLite reported the error: see https://sqlite.org/rescode.html. */
  declare readonly code?: number;
  /** The table of a violated constraint, or the one that is missing. */
  declare readonly table?: string;
  /** The columns of a violated constraint, or the one that is missing. */
  readonly columns: readonly string[];
  /** Where in the SQL text the error was found, in UTF-8 bytes from its start. */
  declare readonly offset?: number;
  /** The database file concerned. */
  declare readonly path?: string;
  /** Which item of a list failed, from 0: the row, the statement of a batch, the transfer. */
  declare readonly index?: number;
  /**
   * The SQL of the call that failed, where it was given SQL. It is not enumerable, so that nothing prints it
   * unasked: `console.error(error.sql)`.
   */
  declare readonly sql?: string;

  /** @internal */
  constructor(fields: ErrorFields, options?: ErrorOptions) {
    super(fields.message, options);
    this.kind = fields.kind as ErrorKind;
    this.columns = fields.columns ?? [];
    for (const name of ['code', 'table', 'offset', 'path', 'index'] as const) {
      if (fields[name] !== undefined) Object.defineProperty(this, name, { value: fields[name], enumerable: true });
    }
  }
}

/** A `UNIQUE` constraint or index refused the row. */
export class UniqueViolationError extends UbiqliteError {}
/** A row with this primary key (or rowid) is there already. */
export class PrimaryKeyViolationError extends UbiqliteError {}
/** A foreign key has no parent row, or a parent row still has children. */
export class ForeignKeyViolationError extends UbiqliteError {}
/** A `NOT NULL` column got no value. */
export class NotNullViolationError extends UbiqliteError {}
/** A `CHECK` constraint refused the row. */
export class CheckViolationError extends UbiqliteError {}
/** A trigger refused the change by `RAISE(ABORT | FAIL | ROLLBACK)`. */
export class TriggerViolationError extends UbiqliteError {}
/** Another constraint: of a virtual table, a function or a commit hook. */
export class ConstraintViolationError extends UbiqliteError {}
/** The value has a type that the column, or the type asked for, can't take. */
export class DatatypeMismatchError extends UbiqliteError {}
/** Somebody else holds the lock for longer than the timeout. Nothing was changed; the call can be repeated. */
export class BusyError extends UbiqliteError {}
/** The database, or the connection, is read-only. */
export class ReadOnlyError extends UbiqliteError {}
/** The disk, or the quota, is full. Nothing was changed. */
export class DiskFullError extends UbiqliteError {}
/** The file is damaged. */
export class CorruptError extends UbiqliteError {}
/** The file is no SQLite database, or an encrypted one. */
export class NotADatabaseError extends UbiqliteError {}
/** The file can't be opened: it is missing, a directory, or not permitted. */
export class CannotOpenError extends UbiqliteError {}
/** No table or view of this name. */
export class NoSuchTableError extends UbiqliteError {}
/** No column of this name. */
export class NoSuchColumnError extends UbiqliteError {}
/** The SQL can't be compiled. */
export class SqlSyntaxError extends UbiqliteError {}
/** An argument can't be used; the message tells which. */
export class InvalidArgumentError extends UbiqliteError {}
/** What was asked for is not there: no row where one was demanded. */
export class NotFoundError extends UbiqliteError {}
/** The value or the SQL is larger than SQLite's limit. */
export class TooBigError extends UbiqliteError {}
/** Memory ran out. */
export class OutOfMemoryError extends UbiqliteError {}
/** The call was aborted or interrupted, or its transaction was given up. `cause` is the signal's reason. */
export class CancelledError extends UbiqliteError {}
/** The call's own time limit passed. Nothing was changed. */
export class TimeoutError extends UbiqliteError {}
/** The database, session or transaction is closed. */
export class ClosedError extends UbiqliteError {}
/** This can't be done here; the message names what is missing. */
export class UnsupportedError extends UbiqliteError {}
/** Whether the change was committed can't be told: the engine was lost in the middle of it. */
export class OutcomeUnknownError extends UbiqliteError {}
/** The schema was changed under a running call, again and again. */
export class SchemaChangedError extends UbiqliteError {}
/** An authorizer refused the statement. */
export class NotAuthorizedError extends UbiqliteError {}
/** The system reported an input or output error. */
export class IoError extends UbiqliteError {}
/** A defect: of SQLite, or of this library. */
export class InternalError extends UbiqliteError {}

const CLASSES: Record<ErrorKind, new (fields: ErrorFields, options?: ErrorOptions) => UbiqliteError> = {
  UniqueViolation: UniqueViolationError,
  PrimaryKeyViolation: PrimaryKeyViolationError,
  ForeignKeyViolation: ForeignKeyViolationError,
  NotNullViolation: NotNullViolationError,
  CheckViolation: CheckViolationError,
  TriggerViolation: TriggerViolationError,
  ConstraintViolation: ConstraintViolationError,
  DatatypeMismatch: DatatypeMismatchError,
  Busy: BusyError,
  ReadOnly: ReadOnlyError,
  DiskFull: DiskFullError,
  Corrupt: CorruptError,
  NotADatabase: NotADatabaseError,
  CannotOpen: CannotOpenError,
  NoSuchTable: NoSuchTableError,
  NoSuchColumn: NoSuchColumnError,
  Syntax: SqlSyntaxError,
  InvalidArgument: InvalidArgumentError,
  NotFound: NotFoundError,
  TooBig: TooBigError,
  OutOfMemory: OutOfMemoryError,
  Cancelled: CancelledError,
  Timeout: TimeoutError,
  Closed: ClosedError,
  Unsupported: UnsupportedError,
  OutcomeUnknown: OutcomeUnknownError,
  SchemaChanged: SchemaChangedError,
  NotAuthorized: NotAuthorizedError,
  Io: IoError,
  Internal: InternalError,
};

for (const [kind, Class] of Object.entries(CLASSES)) {
  // Not what a minifier makes of it.
  const name = { value: kind === 'Syntax' ? 'SqlSyntaxError' : `${kind}Error`, configurable: true };
  Object.defineProperty(Class, 'name', name);
  Object.defineProperty(Class.prototype, 'name', { ...name, writable: true });
}

/** The error of these fields, as its kind's class. @internal */
export function errorOf(fields: ErrorFields, options?: ErrorOptions): UbiqliteError {
  const Class = Object.hasOwn(CLASSES, fields.kind) ? CLASSES[fields.kind as ErrorKind] : InternalError;
  return new Class(fields, options);
}

/** An `InvalidArgument` error. @internal */
export function invalid(message: string): UbiqliteError {
  return errorOf({ kind: 'InvalidArgument', message });
}

/** The error of a kind that says what is wrong and what to do. @internal */
export function failure(kind: ErrorKind, message: string): UbiqliteError {
  return errorOf({ kind, message });
}
