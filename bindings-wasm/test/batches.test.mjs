/** Batches between threads, and the pipes that carry them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { bundled } from './bundled.mjs';

const { WorkerPipes, encodeBatch, isBatch, postBatch, sourceOf, writeLatin1 } = await import(
  pathToFileURL(await bundled('wire/latin1.js', 'browser/pipe.js')).href
);

const every = (length) => Uint8Array.from({ length }, (_, at) => at % 256);

test('every byte of a small batch arrives as it was, from whatever place', () => {
  for (const length of [1, 255, 256, 1024]) {
    const bytes = every(length + 7);
    const batch = encodeBatch(bytes, 7, length + 7);
    assert.equal(typeof batch, 'string');
    // The sender may reuse its memory without changing the batch.
    const sent = bytes.slice(7);
    bytes.fill(0);
    const { view, bytes: read, size, text } = sourceOf(batch);
    assert.equal(size, length);
    assert.deepEqual(read.slice(0, size), sent);
    assert.equal(view.getUint8(length - 1), sent[length - 1]);
    assert.equal(text, batch);
  }
});

test('a large batch is a buffer of its own', () => {
  const bytes = every(1025);
  const batch = encodeBatch(bytes, 0, 1025);
  assert.ok(batch instanceof ArrayBuffer && batch !== bytes.buffer);
  const { bytes: read, size, text } = sourceOf(batch);
  assert.deepEqual(read, bytes);
  assert.equal(size, 1025);
  assert.equal(text, undefined);
});

test('a text that is longer than any batch is refused, and nothing is written', () => {
  const into = new Uint8Array(2048);
  assert.equal(writeLatin1('x'.repeat(1025), into, 0), false);
  assert.deepEqual(into, new Uint8Array(2048));
  assert.throws(() => sourceOf('x'.repeat(1025)), { kind: 'Internal' });
});

/** Returns two connected ends without delay, and the messages that travelled between them. */
function pair() {
  const travelled = [];
  const page = new WorkerPipes((message) => (travelled.push(message), worker.hear(message)));
  const worker = new WorkerPipes((message) => (travelled.push(message), page.hear(message)));
  const open = (id) => [page.open(id), worker.open(id)];
  return { travelled, open };
}

function listen(pipe) {
  const heard = [];
  pipe.onmessage = ({ data }) => heard.push(data);
  return heard;
}

test('batches of the first pipe are bare, and everything comes to its own pipe', () => {
  const { travelled, open } = pair();
  const [first, firstOfWorker] = open('a');
  const [second, secondOfWorker] = open('b');
  const [heard, replies, others] = [listen(firstOfWorker), listen(first), listen(secondOfWorker)];
  const large = new ArrayBuffer(2000);
  first.postMessage({ open: 'app.db' });
  postBatch(first, 'one');
  postBatch(first, large);
  postBatch(second, 'two');
  postBatch(firstOfWorker, 'three');
  assert.deepEqual(heard, [{ open: 'app.db' }, 'one', large]);
  assert.deepEqual(others, ['two']);
  assert.deepEqual(replies, ['three']);
  assert.deepEqual(travelled.map(isBatch), [false, true, true, false, true]);
});

test('a pipe after the first is never bare, so that what is late for the first reaches nobody', () => {
  const { open } = pair();
  const [first, firstOfWorker] = open('a');
  listen(first);
  first.close();
  const [second, secondOfWorker] = open('b');
  const [heard, replies] = [listen(secondOfWorker), listen(second)];
  postBatch(firstOfWorker, 'late');
  postBatch(second, 'two');
  postBatch(secondOfWorker, 'three');
  assert.deepEqual(heard, ['two']);
  assert.deepEqual(replies, ['three']);
});
