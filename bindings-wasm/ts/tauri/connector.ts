import { Channel as Incoming, invoke } from '@tauri-apps/api/core';
import type { Channel, ChannelEvents, Connector } from '../client/connector.js';
import { type ErrorFields, errorOf } from '../errors.js';
import { Ordered, REQUEST_HEAD, type Raw } from './ordered.js';

/** Opens a database in the app's process. */
export class TauriConnector implements Connector {
  readonly engine = 'native';
  readonly lasting = true;
  private connected = false;

  constructor(
    private readonly path: string,
    private readonly options: object,
  ) {}

  async connect(events: ChannelEvents): Promise<Channel> {
    if (this.connected && this.path === ':memory:') {
      throw errorOf({ kind: 'Io', message: 'the database in memory was lost with its engine; open a new one' });
    }
    const ordered = new Ordered(events);
    const replies = new Incoming<Raw>((message) => ordered.add(message));
    let client: number;
    try {
      client = await invoke<number>('plugin:ubiqlite|open', { path: this.path, options: this.options, replies });
    } catch (error) {
      throw failed(error);
    }
    this.connected = true;
    return new TauriChannel(client, events, ordered);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A client of the engine in the app's process. */
class TauriChannel implements Channel {
  /** The number of the next message. */
  private next = 0;
  private state: 'open' | 'over' = 'open';

  constructor(
    readonly client: number,
    private readonly events: ChannelEvents,
    private readonly ordered: Ordered,
  ) {}

  readonly post = (bytes: Uint8Array, from: number, to: number): void => {
    if (this.state !== 'open') return;
    // Messages may overtake each other on their way: the app takes them by their numbers.
    const message = new Uint8Array(REQUEST_HEAD + to - from);
    const head = new DataView(message.buffer);
    head.setUint32(0, this.client, true);
    head.setUint32(4, this.next, true);
    message.set(bytes.subarray(from, to), REQUEST_HEAD);
    this.next = (this.next + 1) >>> 0;
    invoke<Raw>('plugin:ubiqlite|post', message).then(
      (replies) => this.ordered.add(replies),
      (error: unknown) => this.lose(error),
    );
  };

  /** Does nothing: the request that says so is read at once, since statements run on other threads. */
  stop(): void {}

  busy(): void {}

  async close(): Promise<void> {
    if (this.state === 'over') return;
    this.state = 'over';
    this.ordered.end();
    try {
      await invoke('plugin:ubiqlite|close', { client: this.client });
    } catch (error) {
      throw failed(error);
    }
  }

  private lose(error: unknown): void {
    if (this.state === 'over') return;
    this.state = 'over';
    this.ordered.end();
    invoke('plugin:ubiqlite|close', { client: this.client }).catch(() => {});
    // It is not known what became of the requests under way.
    this.events.lost(failed(error).message, { request: 0, changes: true });
  }
}

/** Returns the error for what a command of the plugin failed with. */
function failed(error: unknown): Error {
  if (typeof error === 'object' && error !== null && 'kind' in error) return errorOf(error as ErrorFields);
  const message = `the plugin ubiqlite can't be reached: ${String(error)}. Add tauri-plugin-ubiqlite to the app, and the permission ubiqlite:default to the window's capabilities`;
  return errorOf({ kind: 'Unsupported', message });
}
