/**
 * The native engine's memory, and bytes that are not requests.
 *
 * `CALLS=1000000 OPENS=10000` is the long form, ten times the default.
 */

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

import { Child, PACKAGE, folder, only } from './support.mjs';

const skip = only('native', 'the other has a memory of its own, which ends with its worker');
const CALLS = Number(process.env.CALLS ?? 100_000);
const OPENS = Number(process.env.OPENS ?? 1_000);
/** 100 bytes per call or opening would exceed this in the long form. */
const MOST = 24 * 2 ** 20;

for (const [way, times] of [['calls', CALLS], ['opens', OPENS]]) {
  test(`memory is flat over ${times} ${way}`, { skip, timeout: 600_000 }, async (t) => {
    const path = join(folder(t), 'app.db');
    const child = new Child('memory.mjs', [path, way, String(times), String(MOST)], { flags: ['--expose-gc'], input: false });
    t.after(() => child.kill());
    await child.ends(580_000);
    const [first, last] = child.lines.at(-1).split(' ').map(Number);
    console.log(`    ${(first / 2 ** 20).toFixed(1)} MB before ${times} ${way}, ${(last / 2 ** 20).toFixed(1)} MB after`);
    assert.ok(last - first < MOST, `${last - first} bytes more`);
  });
}

/** Loads the native library itself, the way the package finds it. */
function library() {
  const require = createRequire(PACKAGE);
  const name = `${process.platform}-${process.arch}${{ linux: '-gnu', win32: '-msvc' }[process.platform] ?? ''}`;
  try {
    return require(`./ubiqlite.${name}.node`);
  } catch {
    return require(`@ubiqlite/${name}`);
  }
}

test('bytes that are no requests harm nobody but their sender', { skip, timeout: 120_000 }, async (t) => {
  const { Engine, submit, run } = library();
  const path = join(folder(t), 'app.db');
  /** Opens an engine; `woken` is called on its wake-ups. */
  const open = async () => {
    const one = { room: new Uint8Array(1 << 16), woken: () => {} };
    const opened = new Promise((resolve) => (one.woken = resolve));
    one.engine = Engine.open(path, '{}', '', '', '', one.room, () => one.woken());
    one.number = one.engine.number();
    one.engine.hold(true);
    await opened;
    assert.equal(one.engine.outcome(), '');
    return one;
  };
  /** Sends a request, and returns the id in the reply. */
  const ask = async ({ engine, number, room }, bytes) => {
    engine.setRequests(bytes);
    let length = submit(number, 0, bytes.length, 1);
    while (length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      length = run(number, 1);
    }
    assert.ok(length > 0);
    return new DataView(room.buffer).getUint32(4, true);
  };
  const request = (sql) => {
    const bytes = new Uint8Array(4 + 15 + sql.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, bytes.length - 4, true);
    view.setUint32(4, 7, true);
    bytes[8] = 4;
    view.setUint32(14, sql.length, true);
    bytes.set(new TextEncoder().encode(sql), 18);
    return bytes;
  };
  const [sound, victim] = [await open(), await open()];
  let state = 12345;
  const random = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let refused = 0;
  for (let round = 0; round < 5000; round += 1) {
    const bytes = request('SELECT 1 AS one');
    for (let flip = 0; flip <= random(4); flip += 1) bytes[random(random(2) ? 18 : bytes.length)] = random(256);
    victim.engine.setRequests(bytes);
    const length = random(8) === 0 ? random(bytes.length) : bytes.length;
    if (submit(victim.number, 0, length, 1) === undefined) refused += 1;
    victim.engine.rest();
    assert.equal(await ask(sound, request('SELECT 1 AS one')), 7);
  }
  console.log(`    ${refused} of 5000 were refused`);
  assert.ok(refused > 0);
  for (const wrong of [[sound.number, 0, 1e9, 1], [sound.number, 5, 1, 1], [99, 0, 8, 1], [-1, 0, 8, 1], ['x', {}, 8], [2 ** 40], []]) {
    assert.equal(submit(...wrong), undefined, `${wrong}`);
  }
  for (const wrong of [[99, 1], [Number.NaN, 1], [undefined], []]) assert.equal(run(...wrong), undefined, `${wrong}`);
  for (const { engine } of [sound, victim]) {
    engine.hold(false);
    engine.close();
  }
});
