/** Whatever follows the changes of a database is begun again in the next engine, at whichever moment the first is lost. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { bundled } from './bundled.mjs';
import { connected } from './engines.mjs';

const { CallTarget, Database, EngineClient } = await import(
  pathToFileURL(await bundled('client/engine-client.js', 'api/statements.js', 'api/database.js')).href
);

const HANDLE = 8;

const FOLLOWING = {
  'a watch': (db) => db.watch('SELECT 1'),
  'a watch of several queries': (db) => db.watchAll(['SELECT 1', 'SELECT 2']),
  'a watched selection': (db) => db.table('t').select().watch(),
  'a commit feed': (db) => db.commits(),
};

/** The reply that tells a handle. */
function opened(id) {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  [16, id].forEach((word, index) => view.setUint32(4 * index, word, true));
  view.setUint8(8, HANDLE);
  view.setUint32(12, id, true);
  return bytes.buffer;
}

/** The ids and operations of the requests in `view`. */
function* requests(view, from, to) {
  for (let at = from; at < to; at += 4 + view.getUint32(at, true)) yield { id: view.getUint32(at + 4, true), op: view.getUint8(at + 8) };
}

/** A database, and the operations and numbers of what was requested of each of its engines. */
async function database() {
  const { client, engines } = await connected(EngineClient, requests);
  return { client, db: new Database(new CallTarget(client, undefined), 'app.db'), engines };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

for (const [what, begin] of Object.entries(FOLLOWING)) {
  test(`${what}: the engine is lost before it has said that it has begun`, async () => {
    const { db, engines } = await database();
    let over = false;
    void begin(db).next().then(() => (over = true), () => (over = true));
    await turn();
    const [first] = engines[0].requests;
    engines[0].lost('it crashed');
    await turn();
    assert.deepEqual(engines[1].requests, [first]);
    assert.equal(over, false);
  });

  test(`${what}: the engine is lost while somebody waits, whom no interrupt concerns`, async () => {
    const { client, db, engines } = await database();
    let over = false;
    void begin(db).next().then(() => (over = true), () => (over = true));
    await turn();
    const [first] = engines[0].requests;
    engines[0].message(opened(first.id));
    await turn();
    assert.equal(engines[0].requests.length, 2);
    client.interrupt();
    await turn();
    assert.deepEqual(engines[0].stopped, []);
    engines[0].lost('it crashed');
    await turn();
    assert.deepEqual(engines[1].requests.map(({ op }) => op), [first.op]);
    assert.equal(over, false);
  });
}
