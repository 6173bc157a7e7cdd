import type { Channel, ChannelEvents, Connector } from '../client/connector.js';
import { type ClientHello, EngineGone, openChannel } from './channel.js';
import type { ReachableEngine } from './engine.js';
import { failure } from './failure.js';
import { freshId } from './id.js';
import { Leader } from './leader.js';
import { Participant } from './participant.js';
import { MEMORY, directoryName } from './names.js';
import { requireStorage, requireWorker } from './requirements.js';

/**
 * Finds the engine of the database `path`.
 *
 * @throws `InvalidArgument` for a name that no database can have, `Unsupported`
 * if this context can't have databases
 */
export function connector(path: string, storage: 'opfs' | 'memory', options: object): Connector {
  if (storage === 'memory' || path === MEMORY) {
    requireWorker();
    return new MemoryConnector(path, options);
  }
  directoryName(path);
  const participant = Participant.of(path, requireStorage());
  return new StoredConnector(path, options, participant);
}

/** A database that every context of the origin shares. */
class StoredConnector implements Connector {
  private taken = false;
  private closed = false;

  constructor(
    private readonly path: string,
    private readonly options: object,
    private participant: Participant,
  ) {}

  async connect(events: ChannelEvents): Promise<Channel> {
    this.take();
    const openings = new Map<ReachableEngine, Promise<Channel>>();
    const begin = (engine: ReachableEngine, presence: string): Promise<Channel> => {
      const opening = openChannel(engine, { path: this.path, options: this.options, presence }, events);
      openings.set(engine, opening);
      // Of an engine that does not start, the reason is known otherwise.
      opening.catch(() => {});
      return opening;
    };
    try {
      for (;;) {
        if (this.closed) throw failure('Closed', 'the database was closed');
        const engine = await this.participant.engine(begin);
        const opening = openings.get(engine) ?? begin(engine, await this.participant.presence());
        openings.delete(engine);
        try {
          return await opening;
        } catch (error) {
          if (!(error instanceof EngineGone)) throw error;
        }
      }
    } catch (error) {
      await this.release();
      throw error;
    } finally {
      // Those that were begun early, and are not needed.
      for (const opening of openings.values()) void opening.then((channel) => channel.close(), () => {});
    }
  }

  close(): Promise<void> {
    this.closed = true;
    return this.release();
  }

  private take(): void {
    if (this.taken) return;
    this.taken = true;
    // The previous one may have ended in the meantime.
    this.participant = Participant.of(this.path, this.participant.role);
    this.participant.acquire();
  }

  private async release(): Promise<void> {
    if (!this.taken) return;
    this.taken = false;
    await this.participant.release();
  }
}

/** A database in a worker of its own, which nobody else sees and which ends with that worker. */
class MemoryConnector implements Connector {
  private leader: Leader | undefined;

  constructor(
    private readonly path: string,
    private readonly options: object,
  ) {}

  async connect(events: ChannelEvents): Promise<Channel> {
    if (this.leader !== undefined) {
      throw failure('Io', 'the database in memory was lost with its worker; open a new one');
    }
    const leader = new Leader(MEMORY, freshId(), 'memory', () => {});
    this.leader = leader;
    try {
      const channel = openChannel(leader as ReachableEngine, this.client(), events);
      // Whether the engine starts is known otherwise.
      channel.catch(() => {});
      await leader.ready;
      return await channel;
    } catch (error) {
      leader.resign('the database could not be opened');
      throw error;
    }
  }

  close(): Promise<void> {
    this.leader?.resign('the database was closed');
    return Promise.resolve();
  }

  private client(): ClientHello {
    return { path: this.path, options: this.options, stops: MEMORY, presence: '' };
  }
}
