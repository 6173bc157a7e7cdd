/** Replies with the results of several watched queries: what they teach of columns, also if nobody reads them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { bundled } from './bundled.mjs';

const { Known, readReplies } = await import(pathToFileURL(await bundled('wire/reply.js', 'wire/rows.js')).href);

const ROWS = 7;
const UPDATE = 12;
const UPDATES = 13;
const END = 1;
const FORGET = 2;
const WHOLE = 8;

function reply(kind, flags, extra, payload) {
  const bytes = Buffer.alloc(16 + Math.ceil(payload.length / 8) * 8);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt32LE(1, 4);
  bytes.set([kind, flags], 8);
  bytes.writeUInt32LE(extra, 12);
  bytes.set(payload, 16);
  return bytes;
}

const words = (...list) => Buffer.from(new Uint32Array(list).buffer);

/** A page of rows of one integer, with the number of its names and, if they are told, the names. */
function page(serial, values, name) {
  const names = Buffer.from(name === undefined ? '' : JSON.stringify([name]));
  const cells = values.flatMap((value) => [1, 0, value, 0]);
  const gap = Buffer.alloc(-names.length & 7);
  return Buffer.concat([words(serial, 1, names.length, 0), names, gap, words(values.length, 0, 1, 0, ...cells)]);
}

const rows = (serial, values, name, flags = 0) => reply(ROWS, flags, 1, page(serial, values, name));

/** A whole result of these rows. */
function update(serial, values, name, flags = 0) {
  const head = words(5, 0, 1, values.length, 1, 0, 0, 0, 0xffffffff, values.length);
  return reply(UPDATE, WHOLE | flags, 1, Buffer.concat([head, page(serial, values, name)]));
}

const updates = (...all) => reply(UPDATES, 0, all.length, Buffer.concat(all));

const objects = (all) => all.objects();

function read(known, batch, each) {
  const results = [];
  readReplies(new Uint8Array(batch).buffer, known, (it) => results.push(each(it)));
  return results[0];
}

test('each result is read with the columns of its own', () => {
  const known = new Known(false);
  read(known, rows(7, [1], 'a'), (it) => it.rows().objects());
  const results = read(known, updates(update(7, [2, 3]), update(8, [4], 'b')), (it) => it.updates([objects, objects]));
  assert.deepEqual(results.map(({ fresh }) => fresh), [[{ a: 2 }, { a: 3 }], [{ b: 4 }]]);
  assert.deepEqual(results.map(({ moment, number, whole, runs }) => ({ moment, number, whole, runs })), [
    { moment: 5, number: 1, whole: true, runs: [[undefined, 2]] },
    { moment: 5, number: 1, whole: true, runs: [[undefined, 1]] },
  ]);
  assert.equal(read(known, reply(UPDATES, END, 0, Buffer.alloc(0)), (it) => it.updates([objects])), undefined);
});

test('results that nobody reads teach the columns of each of them', () => {
  const known = new Known(false);
  read(known, updates(update(7, [1], 'a'), update(8, [2], 'b')), (it) => it.note());
  assert.deepEqual(read(known, rows(8, [3]), (it) => it.rows().objects()), [{ b: 3 }]);
  assert.deepEqual(read(known, rows(7, [4]), (it) => it.rows().objects()), [{ a: 4 }]);
  read(known, reply(UPDATES, END, 0, Buffer.alloc(0)), (it) => it.note());
  assert.equal(known.size, 2);
});

for (const [how, take] of [['read', (it) => it.updates([objects, objects, objects])], ['noted', (it) => it.note()]]) {
  test(`columns are forgotten where one of the results says so, not before and not after, when they are ${how}`, () => {
    const known = new Known(false);
    read(known, rows(7, [1], 'a'), (it) => it.rows().objects());
    // The first still stands on what was told before; what the second forgets, the third is told again.
    const results = read(known, updates(update(7, [2]), update(8, [3], 'b', FORGET), update(7, [4], 'a')), take);
    if (how === 'read') assert.deepEqual(results.map(({ fresh }) => fresh), [[{ a: 2 }], [{ b: 3 }], [{ a: 4 }]]);
    assert.deepEqual([...known.keys()].sort(), [7, 8]);
    read(known, updates(update(9, [5], 'c', FORGET), update(8, [6], 'b'), update(7, [7], 'a')), take);
    read(known, updates(update(9, [5]), update(8, [6]), update(7, [7], 'a', FORGET)), take);
    assert.deepEqual([...known.keys()], [7]);
  });
}

test('what is no list of results is refused', () => {
  const refused = (batch, count = 1) =>
    assert.throws(() => read(new Known(false), batch, (it) => it.updates(Array.from({ length: count }, () => objects))), { kind: 'Internal' });
  refused(updates(rows(7, [1], 'a')));
  refused(updates(update(7, [1], 'a')), 2);
  refused(updates(update(7, [1], 'a'), update(8, [1], 'b')), 1);
  refused(updates(reply(UPDATE, END, 0, Buffer.alloc(0))));
  refused(reply(UPDATES, 0, 1, update(7, [1], 'a').subarray(0, 40)));
  refused(update(7, [1], 'a'));
});
