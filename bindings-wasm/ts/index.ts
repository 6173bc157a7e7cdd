// What every platform exports.
export { Database, type Capabilities, type DatabaseOptions } from './api/database.js';
export { Session, Snapshot, type TransactionOptions } from './api/session.js';
export { type Comparison, Select } from './api/select.js';
export type { ColumnOf, Storable, Stored, Writes, Written } from './api/columns.js';
export type { ArrayRows, ObjectRows, RowArray, RowOptions, RunResult } from './api/rows.js';
export type { Row } from './api/statements.js';
export { RowStream } from './api/stream.js';
export { Table, type Transfer } from './api/table.js';
export { type Mode, Savepoint, Transaction } from './api/transaction.js';
export type { CallOptions } from './link/options.js';
export type { Column, Executed, Ran } from './wire/reply.js';
export type { Fields, Json, Key, Params, Time, Value } from './wire/values.js';
export {
  type ErrorKind,
  UbiqliteError,
  UniqueViolationError,
  PrimaryKeyViolationError,
  ForeignKeyViolationError,
  NotNullViolationError,
  CheckViolationError,
  TriggerViolationError,
  ConstraintViolationError,
  DatatypeMismatchError,
  BusyError,
  ReadOnlyError,
  DiskFullError,
  CorruptError,
  NotADatabaseError,
  CannotOpenError,
  NoSuchTableError,
  NoSuchColumnError,
  SqlSyntaxError,
  InvalidArgumentError,
  NotFoundError,
  TooBigError,
  OutOfMemoryError,
  CancelledError,
  TimeoutError,
  ClosedError,
  UnsupportedError,
  OutcomeUnknownError,
  SchemaChangedError,
  NotAuthorizedError,
  IoError,
  InternalError,
} from './errors.js';
