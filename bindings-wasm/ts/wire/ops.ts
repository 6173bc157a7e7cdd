/** The operations' numbers, as in core/src/wire/request.rs. */
export const Op = {
  execute: 1,
  query: 2,
  queryOne: 3,
  queryOptional: 4,
  queryValue: 5,
  executeMany: 6,
  batch: 7,
  stream: 8,
  next: 9,
  more: 10,
  capabilities: 11,
  interrupt: 12,
  run: 13,
  begin: 20,
  commit: 21,
  rollback: 22,
  savepoint: 23,
  release: 24,
  snapshot: 25,
  acquire: 26,
  drop: 27,
  cancel: 28,
  withdraw: 29,
  insert: 30,
  upsert: 31,
  insertMany: 32,
  get: 33,
  update: 34,
  updateMany: 35,
  delete: 36,
  select: 37,
  selectFirst: 38,
  selectCount: 39,
  selectStream: 40,
  tableStream: 41,
  transfer: 42,
} as const;

/** The kinds of replies, as in core/src/wire/reply.rs. */
export const Kind = {
  done: 0,
  error: 1,
  executed: 2,
  executedList: 3,
  count: 4,
  bool: 5,
  key: 6,
  rows: 7,
  handle: 8,
  credit: 9,
  bits: 10,
  ran: 11,
} as const;

/** Flags of a request. */
export const MORE = 2;
export const TIMEOUT = 1;
export const READS = 8;

/** Flags of a reply. */
export const END = 1;
export const FORGET = 2;
export const CONTINUES = 4;
