/** Long replies, which come in parts: what happens to the parts if the call or its engine ends between them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { bundled } from './bundled.mjs';
import { connected } from './engines.mjs';

const { EngineClient, Reader, CallTarget } = await import(pathToFileURL(await bundled('client/engine-client.js', 'api/statements.js')).href);

const ROWS = 7;
const ERROR = 1;
const CONTINUES = 4;

/** Writes a reply with rows of one integer each. */
function rows(id, values, { flags = 0, name } = {}) {
  const names = name === undefined ? '' : JSON.stringify([name]);
  const told = Math.ceil(names.length / 8) * 8;
  const bytes = new Uint8Array(16 + 16 + told + 16 + 16 * values.length);
  const view = new DataView(bytes.buffer);
  head(view, bytes.length, id, ROWS, flags, 1);
  [99, 1, names.length].forEach((word, index) => view.setUint32(16 + 4 * index, word, true));
  bytes.set(new TextEncoder().encode(names), 32);
  view.setUint32(32 + told, values.length, true);
  values.forEach((value, index) => {
    view.setUint32(48 + told + 16 * index, 1, true);
    view.setBigInt64(56 + told + 16 * index, BigInt(value), true);
  });
  return bytes.buffer;
}

function failure(id, kind) {
  const json = new TextEncoder().encode(JSON.stringify({ kind, message: 'so it is', columns: [] }));
  const bytes = new Uint8Array(16 + Math.ceil(json.length / 8) * 8);
  head(new DataView(bytes.buffer), bytes.length, id, ERROR, 0, json.length);
  bytes.set(json, 16);
  return bytes.buffer;
}

function head(view, length, id, kind, flags, extra) {
  view.setUint32(0, length, true);
  view.setUint32(4, id, true);
  view.setUint8(8, kind);
  view.setUint8(9, flags);
  view.setUint32(12, extra, true);
}

const part = (id, values, name) => rows(id, values, { flags: CONTINUES, name });

/** Makes a client with the test's own engines, each with the numbers of the requests sent to it. */
async function client() {
  const { client, engines } = await connected(EngineClient, (view, from) => [view.getUint32(from + 4, true)]);
  const db = new Reader(new CallTarget(client, undefined));
  return { client, db, engines };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('parts are one array, in their order, which is there with the last', async () => {
  const { db, engines: [engine] } = await client();
  const query = db.query('SELECT a FROM t');
  await turn();
  const [id] = engine.requests;
  let settled = false;
  void query.then(() => (settled = true));
  engine.message(part(id, [1, 2], 'a'));
  engine.message(part(id, [3]));
  await turn();
  assert.equal(settled, false);
  engine.message(rows(id, [4]));
  assert.deepEqual(await query, [{ a: 1 }, { a: 2 }, { a: 3 }, { a: 4 }]);
});

test('an engine that is lost between two parts leaves none of its rows behind', async () => {
  const { db, engines } = await client();
  const query = db.query('SELECT a FROM t');
  await turn();
  const [id] = engines[0].requests;
  engines[0].message(part(id, [1, 2], 'a'));
  engines[0].lost('it crashed');
  await turn();
  // The query is sent to the next engine, whose database may have changed by now.
  assert.deepEqual(engines[1].requests, [id]);
  // Late replies of the first engine are dropped.
  engines[0].message(rows(id, [666]));
  engines[1].message(part(id, [7], 'b'));
  engines[1].message(rows(id, [8]));
  assert.deepEqual(await query, [{ b: 7 }, { b: 8 }]);
});

test('an error after some parts rejects the query, and no row of it is seen', async () => {
  const { db, engines: [engine] } = await client();
  const query = db.query('SELECT a FROM t');
  await turn();
  engine.message(part(engine.requests[0], [1], 'a'));
  engine.message(failure(engine.requests[0], 'Io'));
  await assert.rejects(query, { kind: 'Io' });
});

test('the parts of a query that was given up are nobody\'s, but the names that they tell are known', async () => {
  const { db, engines: [engine] } = await client();
  const controller = new AbortController();
  const query = db.query('SELECT a FROM t', [], { signal: controller.signal });
  await turn();
  const [id] = engine.requests;
  controller.abort();
  await assert.rejects(query, { kind: 'Cancelled' });
  assert.deepEqual(engine.stopped, [id]);
  engine.message(part(id, [1], 'a'));
  engine.message(failure(id, 'Cancelled'));
  const next = db.query('SELECT a FROM t');
  await turn();
  engine.message(rows(engine.requests.at(-1), [5]));
  assert.deepEqual(await next, [{ a: 5 }]);
});

test('a call that is given up between two parts is over, and the others go on', async () => {
  const { db, engines: [engine] } = await client();
  const controller = new AbortController();
  const query = db.query('SELECT a FROM t', [], { signal: controller.signal });
  await turn();
  const [id] = engine.requests;
  engine.message(part(id, [1], 'a'));
  controller.abort();
  await assert.rejects(query, { kind: 'Cancelled' });
  const value = db.queryValue('SELECT 7');
  await turn();
  engine.message(part(id, [2]));
  engine.message(rows(engine.requests.at(-1), [7]));
  assert.equal(await value, 7);
});

test('a part that can\'t be read rejects its query, and what follows it finds nobody', async () => {
  const { db, engines: [engine] } = await client();
  const query = db.query('SELECT a FROM t');
  await turn();
  const [id] = engine.requests;
  const broken = part(id, [1], 'a');
  // A cell of a kind that does not exist.
  new DataView(broken).setUint32(56, 77, true);
  engine.message(broken);
  await assert.rejects(query, { kind: 'Internal' });
  engine.message(rows(id, [2]));
});
