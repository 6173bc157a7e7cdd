import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel, ChannelEvents, Connector } from '../../client/connector.js';
import { PATIENCE, PAUSES, busy, isLeft } from '../acquire.js';
import { failure } from '../failure.js';
import { Sign } from '../life.js';
import { type LockHolder, Lock, holderOf, lockOf } from '../lock.js';
import { lineOf, presenceOf } from '../presence.js';
import type { Native } from './binary.js';
import { Locked, NativeChannel, type Wanted } from './channel.js';

/** Opens a database file, or one in memory, with the native engine. */
export class NativeConnector implements Connector {
  readonly engine = 'native';
  readonly lasting = true;
  private closed = false;
  private connected = false;

  /** @param file the database's canonical name; `undefined` for one in memory */
  constructor(
    private readonly native: Native,
    private readonly file: string | undefined,
    private readonly options: object,
  ) {}

  async connect(events: ChannelEvents): Promise<Channel> {
    const { file } = this;
    if (file !== undefined) return this.reach(file, events);
    if (this.connected) throw failure('Io', 'the database in memory was lost with its engine; open a new one');
    this.connected = true;
    return this.open({ path: ':memory:', presence: '', record: lineOf(randomUUID()), lock: '' }, events);
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  private open(where: Omit<Wanted, 'options'>, events: ChannelEvents): Promise<NativeChannel> {
    return NativeChannel.open(this.native, { ...where, options: this.options }, events);
  }

  /** Opens the file once no wasm engine has it. */
  private async reach(file: string, events: ChannelEvents): Promise<Channel> {
    const { busyTimeout = PATIENCE } = this.options as { busyTimeout?: number };
    const deadline = performance.now() + busyTimeout;
    const token = randomUUID();
    const where = { path: file, presence: presenceOf(file), record: lineOf(token), lock: lockOf(file) };
    const channel = watched(await this.enter(where, deadline, busyTimeout, events));
    const sign = Sign.give(lockOf(file), token);
    void channel.over.then(() => sign?.end());
    return channel;
  }

  private async enter(
    where: Omit<Wanted, 'options'>,
    deadline: number,
    busyTimeout: number,
    events: ChannelEvents,
  ): Promise<NativeChannel> {
    const { path: file } = where;
    const lock = new Lock(lockOf(file));
    for (let looks = 0; ; looks += 1) {
      if (this.closed) throw failure('Closed', 'the database was closed', file);
      try {
        return await this.open(where, events);
      } catch (error) {
        if (!(error instanceof Locked)) throw error;
      }
      const held = lockedBy(file);
      if (held === undefined || (await isLeft(lock, held))) {
        // The lock of a killed process. If it can't be removed, it can't be taken over either.
        if (!swept(lock)) where.lock = '';
        continue;
      }
      const left = deadline - performance.now();
      if (left <= 0) throw busy({ path: lockOf(file) }, file, held, busyTimeout);
      await sleep(Math.min(left, PAUSES[Math.min(looks, PAUSES.length - 1)]));
    }
  }
}

function lockedBy(file: string): LockHolder | undefined {
  try {
    return holderOf(lockOf(file));
  } catch {
    return { by: undefined };
  }
}

/** Removes the lock of a killed process. Returns false if nothing can be changed here. */
function swept(lock: Lock): boolean {
  try {
    if (lock.take() === undefined) lock.release();
    return true;
  } catch {
    return false;
  }
}

/** The files that are open in this thread. */
const open = new Set<NativeChannel>();
let watching = false;

/**
 * Watches for the end of the program. A program with nothing left to do ends even if its
 * databases are open, so they are closed in an orderly way first. If it continues, the
 * next call opens them again.
 */
function watched(channel: NativeChannel): NativeChannel {
  open.add(channel);
  void channel.over.then(() => open.delete(channel));
  if (!watching) {
    watching = true;
    process.on('beforeExit', () => {
      for (const channel of open) void channel.suspend('the process was about to end').catch(() => {});
    });
  }
  return channel;
}
