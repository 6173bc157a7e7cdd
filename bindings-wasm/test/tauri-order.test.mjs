/** Messages from a Tauri app, which arrive on two ways. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { bundled } from './bundled.mjs';

const { Ordered } = await import(pathToFileURL(await bundled('tauri/ordered.js')).href);

/** A message of this number, whose replies are one byte. */
const message = (number, byte) => {
  const bytes = new Uint8Array(9);
  new DataView(bytes.buffer).setUint32(0, number, true);
  bytes[8] = byte;
  return bytes.buffer;
};

/** Adds messages, and returns the bytes that were delivered. */
function delivered(messages, onMessage = () => {}) {
  const got = [];
  const ordered = new Ordered({
    message: ({ bytes, view, size }) => {
      assert.equal(size, 1);
      assert.equal(view.getUint8(0), bytes[0]);
      got.push(bytes[0]);
      onMessage(ordered);
    },
  });
  for (const each of messages) ordered.add(each);
  return got;
}

test('messages in any order are delivered in theirs', () => {
  let seed = 1;
  const dice = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  for (let round = 0; round < 200; round += 1) {
    const messages = Array.from({ length: 20 }, (_, number) => message(number, number));
    for (let at = messages.length - 1; at > 0; at -= 1) {
      const other = Math.floor(dice() * (at + 1));
      [messages[at], messages[other]] = [messages[other], messages[at]];
    }
    assert.deepEqual(delivered(messages), Array.from({ length: 20 }, (_, number) => number));
  }
});

test('a message without bytes is none, and one of numbers is like one of bytes', () => {
  const numbers = [...new Uint8Array(message(1, 7))];
  assert.deepEqual(delivered([new ArrayBuffer(0), numbers, [], message(0, 6)]), [6, 7]);
});

test('what arrives while another is delivered comes after it', () => {
  let added = false;
  const got = delivered([message(0, 1)], (ordered) => {
    if (!added) {
      added = true;
      ordered.add(message(1, 2));
    }
  });
  assert.deepEqual(got, [1, 2]);
});

test('nothing is delivered after the end', () => {
  const got = delivered([message(0, 1), message(1, 2)], (ordered) => ordered.end());
  assert.deepEqual(got, [1]);
});
