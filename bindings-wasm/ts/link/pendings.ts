import type { Pending } from './call.js';

/** How many have room at first: a power of two. */
const ROOM = 128;
/** Room for more goes with the burst that needed it. */
const MUCH = 4096;

/**
 * The requests under way, by their numbers, which follow each other.
 *
 * Not a `Map`: V8 moves one to new memory as often as it has taken as many entries as it has room for, and the old
 * memory points to the new. Once a piece of it is old enough to be looked at seldom, all that follow stay with it,
 * and what was in them: with 64 calls in flight that took a fifth of the time.
 */
export class Pendings {
  private slots: (Pending | undefined)[] = new Array<undefined>(ROOM).fill(undefined);
  private count = 0;

  get size(): number {
    return this.count;
  }

  get(id: number): Pending | undefined {
    const pending = this.slots[id & (this.slots.length - 1)];
    return pending?.id === id ? pending : undefined;
  }

  /** Whether there is room for this number: if not, the next is to be tried. */
  isFree(id: number): boolean {
    return this.slots[id & (this.slots.length - 1)] === undefined;
  }

  /** Adds one whose number is free. */
  add(pending: Pending): void {
    this.slots[pending.id & (this.slots.length - 1)] = pending;
    this.count += 1;
    if (this.count * 2 > this.slots.length) this.grow();
  }

  delete(pending: Pending): void {
    this.slots[pending.id & (this.slots.length - 1)] = undefined;
    this.count -= 1;
    if (this.count === 0 && this.slots.length > MUCH) this.slots = new Array<undefined>(ROOM).fill(undefined);
  }

  /** All of them in the order of their numbers; `last` is the newest, after which they begin anew. */
  all(last: number): Pending[] {
    const all = this.slots.filter((pending) => pending !== undefined);
    const age = ({ id }: Pending): number => (last - id) >>> 0;
    return all.sort((a, b) => age(b) - age(a));
  }

  private grow(): void {
    const { slots } = this;
    // Numbers that differ in their last bits do so in more of them.
    this.slots = new Array<undefined>(2 * slots.length).fill(undefined);
    for (const pending of slots) {
      if (pending !== undefined) this.slots[pending.id & (this.slots.length - 1)] = pending;
    }
  }
}
