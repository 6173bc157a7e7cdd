/** The table of the pending calls. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { bundled } from './bundled.mjs';

const { Pendings } = await import(pathToFileURL(await bundled('client/pendings.js')).href);

/** Returns the next id, as `EngineClient` numbers its calls. */
function next(pendings, last) {
  do {
    last = (last + 1) >>> 0;
  } while (last === 0 || !pendings.isFree(last));
  return last;
}

test('calls that come and go in any order are found by their numbers, and no others, in the order of asking', () => {
  let seed = 1;
  const below = (limit) => (seed = (seed * 48271) % 2147483647) % limit;
  for (const start of [0, 0xffffff00, 0x7fffffff]) {
    const pendings = new Pendings();
    const model = new Map();
    let last = start;
    for (let step = 0; step < 20_000; step += 1) {
      // Few at first, then hundreds, then few again.
      const wanted = step % 5000 < 2500 ? 20 : 400;
      if (model.size < wanted) {
        last = next(pendings, last);
        // Nothing waits for every seventh.
        const pending = { id: last, call: { background: last % 7 === 0 } };
        pendings.add(pending);
        model.set(last, pending);
      } else {
        // The oldest call stays for a long time.
        const place = 1 + below(model.size - 1);
        const [id, pending] = [...model][place];
        assert.equal(pendings.get(id), pending);
        pendings.delete(pending);
        model.delete(id);
        assert.equal(pendings.get(id), undefined);
      }
      assert.equal(pendings.size, [...model.values()].filter(({ call }) => !call.background).length);
      if (step % 500 === 0) assert.deepEqual(pendings.all(last), [...model.values()]);
    }
    for (const [id, pending] of model) assert.equal(pendings.get(id), pending);
    assert.equal(pendings.get(next(pendings, last)), undefined);
  }
});
