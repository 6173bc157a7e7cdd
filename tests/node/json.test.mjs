/** Values stored as JSON: nothing is silently omitted or changed. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import vm from 'node:vm';

import { database, failure, ubiqlite } from './support.mjs';

const circle = { list: [] };
circle.list.push(circle);
class Point {
  x = 1;
}

/** By description: a value, and what the error says about it. */
const REFUSED = {
  NaN: [{ x: Number.NaN }, 'data.x is NaN'],
  Infinity: [{ x: [1, -Infinity] }, 'data.x[1] is -Infinity'],
  undefined: [{ 'a b': { c: undefined } }, 'data["a b"].c is undefined'],
  'a hole in a list': [[1, , 3], 'data[1] is undefined'],
  'a Map': [{ m: new Map([[1, 2]]) }, 'data.m is a Map'],
  'a Set': [{ s: new Set([1]) }, 'data.s is a Set'],
  bytes: [{ b: new Uint8Array(2) }, 'data.b is a Uint8Array'],
  'a Buffer, which has a toJSON': [{ b: Buffer.from('ab') }, 'data.b is a Uint8Array'],
  'an ArrayBuffer': [[[new ArrayBuffer(2)]], 'data[0][0] is an ArrayBuffer'],
  'a DataView': [{ v: new DataView(new ArrayBuffer(2)) }, 'data.v is a DataView'],
  'a function': [{ f: () => 1 }, 'data.f is a function'],
  'a symbol': [[Symbol('s')], 'data[0] is a symbol'],
  'a bigint': [{ n: 1n }, 'data.n is a bigint'],
  'an object of a class': [{ p: new Point() }, 'data.p is a Point'],
  'a boxed number': [{ n: Object(1) }, 'data.n is a Number'],
  'a RegExp': [{ r: /a/ }, 'data.r is a RegExp'],
  'an Error': [{ e: new TypeError('no') }, 'data.e is an Error'],
  'a promise that nobody awaited': [{ p: Promise.resolve(1) }, 'data.p is a Promise'],
  'an invalid Date': [{ d: new Date(Number.NaN) }, 'data.d is an invalid Date'],
  'a Date of the year 10000': [{ d: new Date(Date.UTC(10_000, 0)) }, 'data.d has a year'],
  'a circle': [circle, 'data.list[0] is a circular reference'],
  'half of a surrogate pair': [{ t: ['a\ud800'] }, 'data.t[0] contains half of a surrogate pair'],
  'a name with half of a surrogate pair': [{ '\udc00': 1 }, 'half of a surrogate pair'],
  'what toJSON gives': [{ j: { toJSON: () => ({ n: Number.NaN }) } }, 'data.j.n is NaN'],
  'a URL alone, which would be a text in quotes': [new URL('https://example.org/'), 'data is a URL, whose toJSON() returns no list or object'],
  'a getter that throws': [{ get x() { throw new Error('not now'); } }, "data can't be written as JSON: not now"],
};

for (const [what, [value, message]] of Object.entries(REFUSED)) {
  test(`${what} in JSON is refused, and the error says where`, async (t) => {
    const { db } = await database(t, {}, 'CREATE TABLE t(id INTEGER PRIMARY KEY, data)');
    const calls = {
      insert: () => db.table('t').insert({ data: value }),
      insertMany: () => db.table('t').insertMany([{ data: 1 }, { data: value }]),
      execute: () => db.execute('INSERT INTO t(data) VALUES (:data)', { data: value }),
    };
    for (const [name, begin] of Object.entries(calls)) {
      const error = await failure(begin());
      assert.ok(error instanceof ubiqlite.InvalidArgumentError, `${name}: ${error}`);
      assert.ok(error.message.includes(message), `${name}: ${error.message}`);
    }
    const error = await failure(db.query('SELECT ?, ?', [1, value]));
    assert.ok(error.message.startsWith('parameter 2: value'), error.message);
    assert.equal(await db.table('t').count(), 0);
  });
}

test('what JSON has is stored as it is', async (t) => {
  const { db } = await database(t);
  const shared = { a: 1 };
  for (const [value, text] of [
    [[], '[]'], [{}, '{}'], [{ a: null, b: [true, 'ü', -0, 1e300] }, '{"a":null,"b":[true,"ü",0,1e+300]}'],
    [[shared, shared, [shared]], '[{"a":1},{"a":1},[{"a":1}]]'],
    [Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    [{ u: new URL('https://example.org/') }, '{"u":"https://example.org/"}'],
    [{ toJSON: () => ({ b: 2 }) }, '{"b":2}'],
    [{ at: new Date(Date.UTC(2026, 0, 31, 12)) }, '{"at":"2026-01-31T12:00:00.000000000Z"}'],
    [JSON.parse('{"__proto__": 1}'), '{"__proto__":1}'],
    [{ t: '𝄞' }, '{"t":"𝄞"}'],
  ]) {
    assert.equal(await db.queryValue('SELECT ?', [value]), text);
  }
});

test('values of another realm are what they are', async (t) => {
  const { db } = await database(t);
  const foreign = vm.runInNewContext(`({
    json: { a: [1, { b: null }] }, date: new Date(0), buffer: new Uint8Array([1, 2]).buffer, bytes: new Uint8Array([3, 4]),
    map: new Map(), dated: [new Date(0)], view: { v: new Uint8Array(1) },
  })`);
  assert.equal(await db.queryValue('SELECT ?', [foreign.json]), '{"a":[1,{"b":null}]}');
  assert.equal(await db.queryValue('SELECT ?', [foreign.date]), '1970-01-01T00:00:00.000000000Z');
  assert.equal(await db.queryValue('SELECT ?', [foreign.dated]), '["1970-01-01T00:00:00.000000000Z"]');
  assert.deepEqual(await db.queryValue('SELECT ?', [foreign.buffer]), Uint8Array.from([1, 2]));
  assert.deepEqual(await db.queryValue('SELECT ?', [foreign.bytes]), Uint8Array.from([3, 4]));
  for (const value of [foreign.map, foreign.view]) {
    assert.ok((await failure(db.queryValue('SELECT ?', [value]))) instanceof ubiqlite.InvalidArgumentError);
  }
});

test('JSON that is nested too deep for the stack is refused', async (t) => {
  const { db } = await database(t);
  let deep = {};
  for (let level = 0; level < 100_000; level += 1) deep = { deep };
  assert.ok((await failure(db.queryValue('SELECT ?', [deep]))) instanceof ubiqlite.InvalidArgumentError);
  assert.equal(await db.queryValue('SELECT 1'), 1);
});
