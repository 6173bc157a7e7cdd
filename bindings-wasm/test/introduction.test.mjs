/** What an engine is told of migrations: again after one that is gone, and before anything else. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { bundled } from './bundled.mjs';
import { connected } from './engines.mjs';

const { CallTarget, Database, EngineClient, openDatabase } = await import(
  pathToFileURL(await bundled('client/engine-client.js', 'api/statements.js', 'api/database.js')).href
);

const KIND = { done: 0, error: 1, rows: 7 };
const OP = { execute: 1, query: 2, migrate: 48 };
const DOING = { run: 0, to: 2, know: 3 };

const FILES = { '1_items.sql': 'CREATE TABLE items (id)', '2_names.sql': 'ALTER TABLE items ADD COLUMN name' };

/** The ids and operations of the requests in `view`; of one on migrations, also what it is to do. */
function* requests(view, from, to) {
  for (let at = from; at < to; at += 4 + view.getUint32(at, true)) {
    const [id, op] = [view.getUint32(at + 4, true), view.getUint8(at + 8)];
    yield op === OP.migrate ? { id, op, doing: view.getUint8(at + 14), flags: view.getUint8(at + 9) } : { id, op };
  }
}

function reply(id, kind, extra, payload) {
  const bytes = new Uint8Array(16 + Math.ceil(payload.length / 8) * 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint32(4, id, true);
  view.setUint8(8, kind);
  view.setUint32(12, extra, true);
  bytes.set(payload, 16);
  return bytes.buffer;
}

function failed(id, fields) {
  const text = new TextEncoder().encode(JSON.stringify(fields));
  return reply(id, KIND.error, text.length, text);
}

/** A reply of no rows, which tells the names of its columns unless they are known. */
function nothing(id, known = false) {
  const names = new TextEncoder().encode(known ? '' : '["value"]');
  const payload = new Uint8Array(16 + Math.ceil(names.length / 8) * 8);
  const view = new DataView(payload.buffer);
  [7, 1, names.length].forEach((word, index) => view.setUint32(4 * index, word, true));
  payload.set(names, 16);
  return reply(id, KIND.rows, 0, payload);
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const outcomeOf = (promise) => promise.then((value) => ({ value }), ({ kind }) => ({ kind }));

test('an opening whose engine is lost while it runs migrations runs them on the next one', async () => {
  const engines = [];
  const connector = {
    connect: async (events) => {
      const engine = { ...events, requests: [], closed: 0 };
      engines.push(engine);
      return {
        client: 1,
        post: (bytes, from, to) => engine.requests.push(...requests(new DataView(bytes.buffer, bytes.byteOffset), from, to)),
        stop: () => {},
        busy: () => {},
        close: async () => void (engine.closed += 1),
      };
    },
    close: async () => {},
  };
  const opening = outcomeOf(openDatabase('app.db', { migrations: FILES }, connector, {}));
  await turn();
  assert.deepEqual(engines[0].requests, [{ id: 1, op: OP.migrate, doing: DOING.run, flags: 0 }]);
  engines[0].lost('the tab was closed');
  await turn();
  // Not as a call that runs only if it changes nothing.
  assert.deepEqual(engines[1].requests, engines[0].requests);
  engines[1].message(failed(1, { kind: 'Syntax', message: 'migration 2_names: line 1' }));
  assert.deepEqual(await opening, { kind: 'Syntax' });
  assert.equal(engines[1].closed, 1);
});

/** A client that has run its migrations in its first engine. */
async function migrated(asked = (migrations) => migrations.run()) {
  const { client, engines } = await connected(EngineClient, requests);
  const db = new Database(new CallTarget(client, undefined), 'app.db');
  const running = asked(db.migrations(FILES));
  await turn();
  engines[0].message(nothing(engines[0].requests.at(-1).id));
  assert.deepEqual(await running, []);
  return { client, db, engines };
}

for (const [what, asked] of Object.entries({ run: (it) => it.run(), to: (it) => it.to(1) })) {
  test(`after ${what}(), the next engine is told which migrations are known, and nothing else before it has agreed`, async () => {
    const { db, engines } = await migrated(asked);
    engines[0].lost('the tab was closed');
    const writing = outcomeOf(db.execute('INSERT INTO items VALUES (1)'));
    await turn();
    const [first, ...others] = engines[1].requests;
    assert.deepEqual({ ...first, id: undefined }, { id: undefined, op: OP.migrate, doing: DOING.know, flags: 0 });
    assert.deepEqual(others, []);
    const more = outcomeOf(db.query('SELECT id FROM items'));
    await turn();
    assert.equal(engines[1].requests.length, 1);
    engines[1].message(nothing(first.id));
    await turn();
    assert.deepEqual(engines[1].requests.slice(1).map(({ op }) => op), [OP.execute, OP.query]);
    engines[1].message(failed(engines[1].requests[1].id, { kind: 'NoSuchTable', message: 'no such table' }));
    // What the first reply has told is known to those that follow.
    engines[1].message(nothing(engines[1].requests[2].id, true));
    assert.deepEqual([await writing, await more], [{ kind: 'NoSuchTable' }, { value: [] }]);
  });
}

test('a client with older migrations is refused by the next engine, for each call', async () => {
  const { db, engines } = await migrated();
  engines[0].lost('the tab was closed');
  for (const round of [1, 2]) {
    const writing = outcomeOf(db.execute('INSERT INTO items VALUES (1)'));
    await turn();
    assert.equal(engines.length, 1 + round);
    engines[round].message(failed(engines[round].requests[0].id, { kind: 'SchemaTooNew', message: 'load the newer program' }));
    assert.deepEqual(await writing, { kind: 'SchemaTooNew' });
    assert.deepEqual(engines[round].requests.map(({ op }) => op), [OP.migrate]);
  }
});

test('an engine that is lost before it has agreed is followed by the next; one that crashes is not tried for ever', async () => {
  const { db, engines } = await migrated();
  engines[0].lost('the tab was closed');
  const writing = outcomeOf(db.execute('INSERT INTO items VALUES (1)'));
  await turn();
  engines[1].lost('the next tab was closed');
  await turn();
  assert.deepEqual(engines[2].requests.map(({ doing }) => doing), [DOING.know]);
  engines[2].lost('it crashed', { request: 0, changes: true });
  assert.deepEqual(await writing, { kind: 'Internal' });
  await turn();
  assert.equal(engines.length, 3);
});

test('a call that runs migrations and loses its engine has an unknown outcome; one that runs them to no effect is made again', async () => {
  const { client, engines } = await connected(EngineClient, requests);
  const migrations = new Database(new CallTarget(client, undefined), 'app.db').migrations(FILES);
  const [run, dry, pending] = [migrations.run(), migrations.dryRun(), migrations.pending()].map(outcomeOf);
  await turn();
  engines[0].lost('the tab was closed');
  assert.deepEqual(await run, { kind: 'OutcomeUnknown' });
  await turn();
  assert.deepEqual(engines[1].requests.map(({ id }) => id), [2, 3]);
  for (const { id } of engines[1].requests) engines[1].message(nothing(id));
  assert.deepEqual([await dry, await pending], [{ value: [] }, { value: [] }]);
});
