import type { Pending } from './call.js';

/** How many requests have room at first: a power of two. */
const ROOM = 128;
/** Room for more than this is freed after the burst that needed it. */
const MUCH = 4096;

/**
 * The requests in progress, by their numbers, which are consecutive.
 *
 * Not a `Map`: V8 moves a map to new memory each time it has taken as many entries as it has room for, and the old
 * memory points to the new. Once one piece is old enough to be scanned rarely, all later pieces stay alive with it,
 * and so does what was in them. With 64 calls in flight that took a fifth of the time.
 */
export class Pendings {
  private slots: (Pending | undefined)[] = new Array<undefined>(ROOM).fill(undefined);
  private count = 0;
  /** How many of them are in the background. */
  private quiet = 0;

  /** How many there are that something waits for. */
  get size(): number {
    return this.count - this.quiet;
  }

  get(id: number): Pending | undefined {
    const pending = this.slots[id & (this.slots.length - 1)];
    return pending?.id === id ? pending : undefined;
  }

  /** Whether there is room for this number. If not, try the next. */
  isFree(id: number): boolean {
    return this.slots[id & (this.slots.length - 1)] === undefined;
  }

  /** Adds a request whose number is free. */
  add(pending: Pending): void {
    this.slots[pending.id & (this.slots.length - 1)] = pending;
    this.count += 1;
    if (pending.call.background === true) this.quiet += 1;
    if (this.count * 2 > this.slots.length) this.grow();
  }

  delete(pending: Pending): void {
    this.slots[pending.id & (this.slots.length - 1)] = undefined;
    this.count -= 1;
    if (pending.call.background === true) this.quiet -= 1;
    if (this.count === 0 && this.slots.length > MUCH) this.slots = new Array<undefined>(ROOM).fill(undefined);
  }

  /** Returns all requests in the order of their numbers. `last` is the newest: the order starts after it. */
  all(last: number): Pending[] {
    const all = this.slots.filter((pending) => pending !== undefined);
    const age = ({ id }: Pending): number => (last - id) >>> 0;
    return all.sort((a, b) => age(b) - age(a));
  }

  private grow(): void {
    const { slots } = this;
    // Numbers that differ in their low bits also differ in more of them.
    this.slots = new Array<undefined>(2 * slots.length).fill(undefined);
    for (const pending of slots) {
      if (pending !== undefined) this.slots[pending.id & (this.slots.length - 1)] = pending;
    }
  }
}
