import type { Channel, ChannelEvents, Connector } from '../client/connector.js';
import { failure } from './failure.js';
import { Host, HostEnded } from './host.js';
import { hostOf } from './hosts.js';
import { type Native, binary, needed } from './native/binary.js';
import { NativeConnector } from './native/connector.js';
import { fileOf } from './path.js';

/** The engine that runs the SQL. */
export type EngineName = 'native' | 'wasm';

/**
 * Finds the engine of the database file `path`, or creates a database in memory.
 *
 * @param engine the one to use; by default that of `UBIQLITE_ENGINE`, otherwise native if available
 * @throws `InvalidArgument` for an invalid path or engine, `Unsupported` if there is no such engine here
 */
export function connector(path: string, storage: 'file' | 'memory', options: object, engine?: EngineName): Connector {
  const native = nativeIf(engine ?? process.env.UBIQLITE_ENGINE);
  if (native !== undefined) return new NativeConnector(native, storage === 'memory' ? undefined : fileOf(path), options);
  return storage === 'memory' ? new MemoryConnector(options) : new FileConnector(fileOf(path), options);
}

/** A file that is shared by everyone who opens it in this thread. */
class FileConnector implements Connector {
  private readonly closed = new AbortController();

  constructor(
    private readonly file: string,
    private readonly options: object,
  ) {}

  async connect(events: ChannelEvents): Promise<Channel> {
    for (;;) {
      const host = await hostOf(this.file);
      if (this.closed.signal.aborted) throw failure('Closed', 'the database was closed', this.file);
      try {
        return await host.open(this.file, this.options, events, this.closed.signal);
      } catch (error) {
        if (!(error instanceof HostEnded)) throw error;
      }
    }
  }

  close(): Promise<void> {
    this.closed.abort();
    return Promise.resolve();
  }
}

/** A database in a worker of its own, which ends with that worker. */
class MemoryConnector implements Connector {
  private readonly closed = new AbortController();
  private host: Host | undefined;

  constructor(private readonly options: object) {}

  async connect(events: ChannelEvents): Promise<Channel> {
    if (this.host !== undefined) {
      throw failure('Io', 'the database in memory was lost with its worker; open a new one');
    }
    this.host = new Host(undefined);
    try {
      return await this.host.open(':memory:', this.options, events, this.closed.signal);
    } catch (error) {
      throw error instanceof HostEnded ? failure('Closed', 'the database was closed') : error;
    }
  }

  close(): Promise<void> {
    this.closed.abort();
    return Promise.resolve();
  }
}

/** Returns the native library, unless another engine is wanted. */
function nativeIf(wanted: string | undefined): Native | undefined {
  if (wanted === 'wasm') return undefined;
  if (wanted === 'native') return needed();
  if (wanted !== undefined && wanted !== '') {
    throw failure('InvalidArgument', `there is no engine ${JSON.stringify(wanted)}; use native or wasm`);
  }
  const found = binary();
  return 'native' in found ? found.native : undefined;
}
