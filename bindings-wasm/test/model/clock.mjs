/** Time that passes only when the model says so: the clock that the client reads, and its timers. */

let now = 0;
let made = 0;
const timers = new Map();

export const clock = {
  get now() {
    return now;
  },
  /** Advances the time by `millis` milliseconds. */
  advance(millis) {
    const until = now + millis;
    for (;;) {
      let next;
      for (const timer of timers.values()) if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer;
      if (next === undefined) break;
      timers.delete(next.id);
      now = Math.max(now, next.at);
      next.run();
    }
    now = until;
  },
  /** Drops all timers before another run. */
  reset() {
    timers.clear();
  },
};

/** Replaces the global clock and timers with the model's. */
export function install() {
  globalThis.setTimeout = (run, millis = 0) => {
    made += 1;
    timers.set(made, { id: made, at: now + millis, run });
    return made;
  };
  globalThis.clearTimeout = (id) => timers.delete(id);
  Object.defineProperty(performance, 'now', { value: () => now });
}

/** Returns pseudo-random numbers: the same seed gives the same run. */
export function numbers(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    /** An integer from 0 to below `limit`. */
    below: (limit) => next() % limit,
    /** True in one of `of` cases. */
    once: (of) => next() % of === 0,
    pick: (list) => list[next() % list.length],
  };
}

/** Lets the reactions to all settled promises run. */
export async function settle() {
  for (let round = 0; round < 24; round += 1) await undefined;
}
