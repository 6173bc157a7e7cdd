// The floors: limits that no storage in a worker can beat.

import { TASKS, time } from '../../js/works.mjs';

const start = () => new Worker(new URL('../workers/floor.mjs', import.meta.url), { type: 'module' });

export const works = {
  round_trip: (n) => roundTrips(1, n(20_000)),
  round_trip_64: (n) => roundTrips(TASKS, n(200_000)),
  work_trip: (n) => roundTrips(1, n(20_000), { work: 4 }),
  flush_trip: (n) => roundTrips(1, n(1_000), { flushEach: true }),
  async flush(n) {
    const worker = start();
    const many = n(1_000);
    worker.postMessage({ flushes: many });
    const took = await new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data.took);
    });
    worker.terminate();
    return { unit: 'us', value: (took * 1_000) / many };
  },
};

/**
 * Sends small objects to a worker and back.
 *
 * @param {object} before what the worker does before each reply: it writes 4 KiB that
 * reach the disk (`flushEach`), or computes for a number of microseconds (`work`)
 */
async function roundTrips(tasks, n, before) {
  const worker = start();
  const waiting = new Map();
  let last = 0;
  worker.onmessage = ({ data }) => {
    waiting.get(data.id)(data.value);
    waiting.delete(data.id);
  };
  const echo = (value) =>
    new Promise((resolve) => {
      const id = (last += 1);
      waiting.set(id, resolve);
      worker.postMessage({ id, value });
    });
  if (before !== undefined) {
    await new Promise((resolve) => {
      waiting.set(undefined, resolve);
      worker.postMessage({ before });
    });
  }
  const each = Math.ceil(n / tasks);
  const task = async (many) => {
    for (let done = 0; done < many; done += 1) await echo(done);
  };
  const all = (many) => Promise.all(Array.from({ length: tasks }, () => task(many)));
  await all(Math.ceil(each / 10));
  const took = await time(() => all(each));
  worker.terminate();
  return { unit: 'us', value: took / (each * tasks) };
}
