import type { ArgType, SqlQuery } from '@prisma/driver-adapter-utils';

import type { Value } from '../wire/values.js';

/** How values are stored, where Prisma leaves it open. */
export interface Storing {
  /** As in `PrismaUbiqliteConfig`. */
  readonly timestampFormat?: 'iso8601' | 'unixepoch-ms';
}

/** Returns the parameters of a query. */
export function params({ args, argTypes }: SqlQuery, storing: Storing): Value[] {
  return args.map((arg, index) => stored(arg, argTypes[index]?.scalarType, storing));
}

/** Returns an argument as SQLite stores it: Prisma sends many as text, with the type of their field. */
function stored(arg: unknown, type: ArgType['scalarType'] | undefined, storing: Storing): Value {
  if (arg instanceof Date) return moment(arg, storing);
  if (typeof arg !== 'string') return arg as Value;
  switch (type) {
    case 'int':
      return Number.parseInt(arg, 10);
    case 'bigint':
      return BigInt(arg);
    case 'float':
    case 'decimal':
      return Number.parseFloat(arg);
    case 'datetime':
      return moment(new Date(arg), storing);
    case 'bytes':
      return Uint8Array.from(atob(arg), (byte) => byte.charCodeAt(0));
    default:
      return arg;
  }
}

/** Returns a moment as Prisma writes it in SQLite. */
function moment(date: Date, { timestampFormat }: Storing): Value {
  return timestampFormat === 'unixepoch-ms' ? date.getTime() : date.toISOString().replace('Z', '+00:00');
}
