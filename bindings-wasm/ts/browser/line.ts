/** One end of a connection between a client and an engine: a MessagePort, or the same over a BroadcastChannel. */
export interface Line {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent) => void) | null;
  close(): void;
}

const channelName = (name: string, line: string): string => `ubiqlite:${name}:line:${line}`;

/**
 * A line where no port can be handed over (no SharedWorker here, a dedicated
 * worker, or pages of two versions of the package). Each line has a
 * BroadcastChannel of its own: nobody else gets its messages, so they need no
 * address. What a port would transfer is copied.
 */
export function broadcastLine(name: string, line: string): Line {
  const channel = new BroadcastChannel(channelName(name, line));
  return {
    postMessage: (message) => channel.postMessage(message),
    get onmessage() {
      return channel.onmessage;
    },
    set onmessage(handler) {
      channel.onmessage = handler;
    },
    close: () => channel.close(),
  };
}
