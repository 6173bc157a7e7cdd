import type { UbiqliteError } from '../errors.js';
import type { Pending } from './call.js';
import { isLasting } from './call-state.js';
import { RemoteHandle } from './remote-handle.js';

/** The handles that the engine keeps for this client, by number. */
export class HandleRegistry {
  private readonly live = new Map<number, WeakRef<RemoteHandle>>();
  /** Those of them that last until the client closes. Looking at the handles would keep them from being collected. */
  private readonly lasting = new Set<number>();
  // The value it is given must not keep the `RemoteHandle` itself alive.
  private readonly collected: FinalizationRegistry<{ id: number; engine: number }>;
  /** Which engine this is: the count of engines so far. */
  engine = 0;

  /** @param forgotten called with the number of something that became unreachable without being ended */
  constructor(forgotten: (id: number) => void) {
    this.collected = new FinalizationRegistry(({ id, engine }) => {
      if (engine === this.engine && this.delete(id)) forgotten(id);
    });
  }

  /** Whether there is nothing that must end before the client closes. */
  get isEmpty(): boolean {
    return this.live.size === this.lasting.size;
  }

  has(id: number): boolean {
    return this.live.has(id);
  }

  /** Records something that the engine has opened. */
  add(id: number, op: number, parent: RemoteHandle | undefined): RemoteHandle {
    const handle = new RemoteHandle(id, this.engine, op, parent);
    // The end of its parent was requested in the meantime, and ends it too.
    if (handle.over !== undefined) return handle;
    this.live.set(id, new WeakRef(handle));
    if (isLasting(op)) this.lasting.add(id);
    this.collected.register(handle, { id, engine: this.engine }, handle);
    return handle;
  }

  /** Ends a handle, and all its parts with it. Returns whether the engine still has it. */
  end(handle: RemoteHandle, why: () => UbiqliteError, ending?: Pending): boolean {
    const was = handle.over === undefined && this.live.has(handle.id) && handle.engine === this.engine;
    handle.end(why, ending);
    this.collected.unregister(handle);
    if (was) this.sweep();
    return was;
  }

  /** Tells those that are open that the client closes. */
  closing(): void {
    for (const reference of [...this.live.values()]) reference.deref()?.atClose?.();
  }

  /** Ends everything. */
  clear(why: () => UbiqliteError): void {
    for (const reference of this.live.values()) reference.deref()?.end(why);
    this.live.clear();
    this.lasting.clear();
  }

  private delete(id: number): boolean {
    this.lasting.delete(id);
    return this.live.delete(id);
  }

  private sweep(): void {
    for (const [id, reference] of this.live) {
      const handle = reference.deref();
      // The registry reports those that were collected.
      if (handle?.over !== undefined) this.delete(id);
    }
  }
}
