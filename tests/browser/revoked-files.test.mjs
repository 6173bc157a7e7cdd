// A browser may revoke the file handles of a living page, as iOS does in the background:
// the engine is replaced by one that opens the files again.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { KEEPING, inBrowser, run, start, value, within } from './support.mjs';

const WORKER = new URL('../../bindings-wasm/dist/worker.js', import.meta.url);

/**
 * Makes the worker lose its handles on command: a closed handle throws the same error as an invalid one.
 * Every tab has a worker, but only one has the files. Only that one replies that it is done, every time.
 */
const PROLOGUE = `
  const theirs = new Set();
  const { createSyncAccessHandle } = FileSystemFileHandle.prototype;
  FileSystemFileHandle.prototype.createSyncAccessHandle = async function (...args) {
    const handle = await createSyncAccessHandle.apply(this, args);
    theirs.add(handle);
    return handle;
  };
  const closed = FileSystemSyncAccessHandle.prototype.close;
  FileSystemSyncAccessHandle.prototype.close = function () {
    theirs.delete(this);
    closed.call(this);
  };
  const channel = new BroadcastChannel('invalidate');
  channel.onmessage = ({ data }) => {
    if (data !== 'now' || theirs.size === 0) return;
    for (const handle of theirs) closed.call(handle);
    channel.postMessage('done');
  };
`;

const routes = {
  '/pkg/worker.js': (request, response) => {
    response.setHeader('content-type', 'text/javascript; charset=utf-8');
    response.end(PROLOGUE + readFileSync(WORKER, 'utf8'));
  },
};

/** Closes the handles of whichever worker has them. */
const invalidate = (page) =>
  within(10_000, 'the handles are taken', page.evaluate(
    () =>
      new Promise((resolve) => {
        const channel = new BroadcastChannel('invalidate');
        channel.onmessage = () => {
          channel.close();
          resolve();
        };
        channel.postMessage('now');
      }),
  ));

for (const kind of KEEPING) {
  test(`${kind}: files whose handles the browser takes back are opened anew, and nothing acknowledged is lost`, (context) =>
    inBrowser(
      kind,
      async ({ tab }) => {
        const leader = await tab();
        await start(leader);
        const other = await tab();
        await start(other);
        await run(leader, 'CREATE TABLE t(a INTEGER PRIMARY KEY)');
        const told = {};
        const acknowledged = [];
        let next = 1;
        // The outcome of a write that arrives while the engine ends may be unknown, even from the other tab.
        const write = async (page) => {
          const a = next++;
          const outcome = await within(30_000, 'the write', page.evaluate(
            (a) => window.db.execute('INSERT INTO t VALUES (?)', [a]).then(() => 'ok', (error) => error.kind),
            a,
          ));
          told[outcome] = (told[outcome] ?? 0) + 1;
          assert.ok(['ok', 'OutcomeUnknown', 'Cancelled'].includes(outcome), outcome);
          if (outcome === 'ok') acknowledged.push(a);
          if (outcome === 'Cancelled') {
            assert.equal(await within(30_000, 'the look', value(page, 'SELECT count(*) FROM t WHERE a = ?', [a])), 0);
          }
        };
        for (const page of [leader, other, leader]) {
          for (let i = 0; i < 3; i += 1) await write(page);
          await invalidate(page);
          // A read is sent again to the next engine; the outcome of a write may be unknown.
          assert.ok((await within(30_000, 'the read', value(page, 'SELECT count(*) FROM t'))) >= acknowledged.length);
          await invalidate(page);
          await write(page);
        }
        assert.ok(acknowledged.length >= 6, 'only writes beside a loss are in doubt');
        context.diagnostic(JSON.stringify(told));
        for (const a of acknowledged) {
          assert.equal(await within(30_000, 'a row', value(other, 'SELECT count(*) FROM t WHERE a = ?', [a])), 1);
        }
        assert.equal(await within(30_000, 'the check', value(other, 'PRAGMA integrity_check')), 'ok');
      },
      { routes },
    ));
}
