/**
 * Corrupts the batches on their way to the engine: some have wrong bytes, some are cut off,
 * some are nothing but noise. Another client of the same engine must still be served.
 */

import assert from 'node:assert/strict';
import { MessagePort } from 'node:worker_threads';

import { tell, ubiqlite } from './package.mjs';

const ROUNDS = Number(process.argv[3]);
const send = MessagePort.prototype.postMessage;
let state = 12345;
let spoil = false;
let spoiled = 0;

function random(below) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}

function spoiledCopy(batch) {
  const bytes = new Uint8Array(batch);
  const way = random(4);
  if (way === 0) return bytes.slice(0, random(bytes.length));
  if (way === 1) return Uint8Array.from({ length: random(200) }, () => random(256));
  const copy = bytes.slice();
  // The header holds the lengths, the operation and the handle.
  for (let flip = 0; flip <= random(3); flip += 1) copy[random(way === 2 ? Math.min(17, copy.length) : copy.length)] = random(256);
  return copy;
}

MessagePort.prototype.postMessage = function postMessage(message, ...rest) {
  if (!spoil || !(message instanceof ArrayBuffer)) return send.call(this, message, ...rest);
  spoiled += 1;
  const { buffer } = spoiledCopy(message);
  return send.call(this, buffer, [buffer]);
};

const path = process.argv[2];
const [sound, victim] = [await ubiqlite.open(path), await ubiqlite.open(path)];
await sound.batch('CREATE TABLE t(a); INSERT INTO t VALUES (1), (2), (3)');
for (let round = 0; round < ROUNDS; round += 1) {
  spoil = true;
  // These have no guaranteed outcome: their own requests were corrupted.
  victim.query('SELECT a, ? AS b FROM t WHERE a < ?', ['text', 9]).catch(() => {});
  victim.table('t').select().where('a', '>', 1).all().catch(() => {});
  victim.stream('SELECT a FROM t').next().catch(() => {});
  await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  spoil = false;
  assert.equal(await sound.queryValue('SELECT count(*) FROM t'), 3);
  assert.equal((await sound.execute('UPDATE t SET a = a WHERE a = 2')).rowsChanged, 1);
}
assert.ok(spoiled >= ROUNDS, 'nothing was spoiled');
tell(`sound after ${spoiled}`);
// The victim may wait for replies that will never come.
process.exit(0);
