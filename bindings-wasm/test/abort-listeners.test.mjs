/** Signals that many calls share. */

import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { bundled } from './bundled.mjs';

const { onAbort } = await import(pathToFileURL(await bundled('client/signals.js')).href);

test('a thousand watches over one signal are one listener, which is gone with the last of them', () => {
  const { signal } = new AbortController();
  const ends = Array.from({ length: 1000 }, () => onAbort(signal, () => {}));
  assert.equal(getEventListeners(signal, 'abort').length, 1);
  for (const end of ends.slice(1)) end();
  assert.equal(getEventListeners(signal, 'abort').length, 1);
  ends[0]();
  ends[0]();
  assert.equal(getEventListeners(signal, 'abort').length, 0);
  onAbort(signal, () => {});
  assert.equal(getEventListeners(signal, 'abort').length, 1, 'and it is there again for the next');
});

test('an aborted signal tells all that watch it once, in their order, and none that ended its watch', () => {
  const controller = new AbortController();
  const told = [];
  const ends = ['a', 'b', 'c', 'd'].map((name) => onAbort(controller.signal, () => {
    told.push(name);
    // A listener ends the watch of another one.
    if (name === 'a') ends[2]();
  }));
  ends[1]();
  controller.abort();
  controller.abort();
  assert.deepEqual(told, ['a', 'd']);
});

test('what is no signal is refused, and refused again', () => {
  const controller = new AbortController();
  for (let time = 0; time < 2; time += 1) assert.throws(() => onAbort(controller, () => {}), TypeError);
});
