/** Moments: one text form in every language, alongside SQLite's own. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { database, failure, ubiqlite } from './support.mjs';

const AT = new Date(Date.UTC(2026, 10, 24, 22, 50, 0, 123));

test('a Date binds as ISO 8601 text in UTC with nine digits of a second', async (t) => {
  const { db } = await database(t);
  assert.equal(await db.queryValue('SELECT ?', [AT]), '2026-11-24T22:50:00.123000000Z');
  assert.equal(await db.queryValue('SELECT ?', [new Date(0)]), '1970-01-01T00:00:00.000000000Z');
  assert.equal(await db.queryValue('SELECT ?', [new Date(Date.UTC(2026, 0)).toISOString()]), '2026-01-01T00:00:00.000Z');
});

test('SQLite reads the text of a Date, and so does JavaScript', async (t) => {
  const { db } = await database(t);
  assert.equal(await db.queryValue("SELECT strftime('%Y-%m-%d %H:%M:%f', ?)", [AT]), '2026-11-24 22:50:00.123');
  assert.equal(await db.queryValue("SELECT unixepoch(?, 'subsec')", [AT]), AT.getTime() / 1000);
  assert.equal(new Date(await db.queryValue('SELECT ?', [AT])).getTime(), AT.getTime());
});

test('the DEFAULT that the README names writes the same form, which sorts among Dates', async (t) => {
  const { db } = await database(t, {}, `
    CREATE TABLE t(id INTEGER PRIMARY KEY, at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000000Z', 'now')))`);
  const before = new Date(Date.now() - 1);
  await db.execute('INSERT INTO t DEFAULT VALUES');
  const after = new Date(Date.now() + 1);
  await db.table('t').insertMany([{ at: after }, { at: before }]);
  assert.match(await db.queryValue('SELECT at FROM t WHERE id = 1'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  assert.deepEqual((await db.query('SELECT id FROM t ORDER BY at')).map(({ id }) => id), [3, 1, 2]);
  assert.deepEqual(await db.table('t').select().where('at', '<', after).where('at', '>', before).count(), 1);
});

test('a Date is compared with CURRENT_TIMESTAMP through datetime(), as the README says', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t(at TEXT DEFAULT CURRENT_TIMESTAMP); INSERT INTO t DEFAULT VALUES');
  const hour = 3_600_000;
  const count = (at) => db.queryValue('SELECT count(*) FROM t WHERE at < datetime(?)', [at]);
  assert.equal(await count(new Date(Date.now() + hour)), 1);
  assert.equal(await count(new Date(Date.now() - hour)), 0);
});

test('what calls itself a type of Temporal is asked for its text of the same width', async (t) => {
  const { db } = await database(t);
  const of = (tag, text, digits) => ({
    [Symbol.toStringTag]: `Temporal.${tag}`,
    toString: (options) => (assert.equal(options.fractionalSecondDigits, digits), text),
    toInstant: () => of('Instant', text, digits),
  });
  for (const [tag, text, digits] of [
    ['Instant', '2026-01-31T12:00:00.000000001Z', 9], ['ZonedDateTime', '2026-01-31T12:00:00.000000000Z', 9],
    ['PlainDateTime', '2026-01-31T12:00:00.000000000', 9], ['PlainTime', '12:00:00.000000000', 9], ['PlainDate', '2026-01-31', undefined],
  ]) {
    assert.equal(await db.queryValue('SELECT ?', [of(tag, text, digits)]), text);
    assert.equal(await db.queryValue('SELECT ?', [[of(tag, text, digits)]]), JSON.stringify([text]));
  }
  assert.equal((await failure(db.queryValue('SELECT ?', [of('PlainDate', '+010000-01-01')]))).kind, 'InvalidArgument');
});

test('a Date that has no text of this width is refused', async (t) => {
  const { db } = await database(t);
  for (const date of [new Date(Date.UTC(10_000, 0)), new Date(-1e14), new Date(Number.NaN), { [Symbol.toStringTag]: 'Date' }]) {
    const error = await failure(db.queryValue('SELECT ?', [date]));
    assert.ok(error instanceof ubiqlite.InvalidArgumentError, `${error}`);
    assert.match(error.message, /^parameter 1 (has a year|is an invalid Date|claims to be a Date)/);
  }
});
