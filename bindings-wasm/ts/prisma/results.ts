import { type ColumnType, ColumnTypeEnum, type SqlResultSet } from '@prisma/driver-adapter-utils';

import type { RunResult } from '../api/rows.js';

const { Int32, Int64, Float, Double, Numeric, Boolean, Text, Date: Day, Time, DateTime, Json, Bytes, UnknownNumber } = ColumnTypeEnum;

/** What Prisma takes a column for that is declared with one of these types, as Prisma's own adapters for SQLite have it. */
const DECLARED = new Map<string, ColumnType>(
  (
    [
      [Int32, 'TINYINT,SMALLINT,MEDIUMINT,INT,INTEGER,SERIAL,INT2'],
      [Int64, 'BIGINT,UNSIGNED BIG INT,INT8'],
      [Float, 'FLOAT'],
      [Double, 'DOUBLE,DOUBLE PRECISION,NUMERIC,REAL'],
      [Numeric, 'DECIMAL'],
      [Boolean, 'BOOLEAN'],
      [Text, 'TEXT,CLOB,CHARACTER,VARCHAR,VARYING CHARACTER,NCHAR,NATIVE CHARACTER,NVARCHAR'],
      [Day, 'DATE'],
      [Time, 'TIME'],
      [DateTime, 'DATETIME,TIMESTAMP'],
      [Json, 'JSONB'],
      [Bytes, 'BLOB'],
    ] as const
  ).flatMap(([type, names]) => names.split(',').map((name) => [name, type] as const)),
);

/** Returns the result of a statement as Prisma wants it. */
export function resultSet({ columns, rows }: RunResult<unknown[]>): SqlResultSet {
  const columnTypes = columns.map(({ declaredType }, at) => DECLARED.get(declaredType?.toUpperCase() ?? '') ?? typeAt(rows, at));
  return {
    columnNames: columns.map(({ name }) => name),
    columnTypes,
    rows: rows.map((row) => row.map((value, at) => given(value, columnTypes[at]))),
  };
}

/** Returns the type of a column that is declared with none that Prisma knows: that of its first value. */
function typeAt(rows: unknown[][], at: number): ColumnType {
  const value = rows.find((row) => row[at] !== null)?.[at];
  switch (typeof value) {
    case 'string':
      return Text;
    case 'bigint':
      return Int64;
    case 'number':
      return UnknownNumber;
    default:
      return value === undefined ? Int32 : Bytes;
  }
}

/** Returns a value in a form that Prisma reads as one of its column's type. */
function given(value: unknown, type: ColumnType): unknown {
  if (typeof value !== 'number' && typeof value !== 'bigint') return value;
  if (type === DateTime) return new Date(Number(value)).toISOString();
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  return type === Int32 || type === Int64 ? Math.trunc(value) : value;
}
