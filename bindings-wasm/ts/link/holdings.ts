import type { UbiqliteError } from '../errors.js';
import type { Pending } from './call.js';
import { Held } from './held.js';

/** What the engine holds for this client. */
export class Holdings {
  private readonly live = new Map<number, WeakRef<Held>>();
  // What it is told must not hold the held itself.
  private readonly collected: FinalizationRegistry<{ id: number; engine: number }>;
  /** Which engine it is: the count of those there have been. */
  engine = 0;

  /** @param forgotten told the number of something that nobody can use any more and that was not ended */
  constructor(forgotten: (id: number) => void) {
    this.collected = new FinalizationRegistry(({ id, engine }) => {
      if (engine === this.engine && this.live.delete(id)) forgotten(id);
    });
  }

  get isEmpty(): boolean {
    return this.live.size === 0;
  }

  has(id: number): boolean {
    return this.live.has(id);
  }

  /** Takes note of what the engine has opened. */
  add(id: number, op: number, parent: Held | undefined): Held {
    const held = new Held(id, this.engine, op, parent);
    // The end of what it is a part of was asked for meanwhile, and ends it too.
    if (held.over !== undefined) return held;
    this.live.set(id, new WeakRef(held));
    this.collected.register(held, { id, engine: this.engine }, held);
    return held;
  }

  /** Ends something that is held, and with it all that is a part of it. Whether the engine still has it. */
  end(held: Held, why: () => UbiqliteError, ending?: Pending): boolean {
    const was = held.over === undefined && this.live.has(held.id) && held.engine === this.engine;
    held.end(why, ending);
    this.collected.unregister(held);
    if (was) this.sweep();
    return was;
  }

  /** Ends everything. */
  clear(why: () => UbiqliteError): void {
    for (const reference of this.live.values()) reference.deref()?.end(why);
    this.live.clear();
  }

  private sweep(): void {
    for (const [id, reference] of this.live) {
      const held = reference.deref();
      // One that was collected is told of by the registry.
      if (held?.over !== undefined) this.live.delete(id);
    }
  }
}
