/**
 * A client with the test's own engines: each has what `connect` was given, the requests sent to it as `read` returns
 * them, and those that were stopped.
 */
export async function connected(EngineClient, read) {
  const engines = [];
  const connector = {
    connect: async (events) => {
      const engine = { ...events, requests: [], stopped: [] };
      engines.push(engine);
      return {
        client: 1,
        post: (bytes, from, to) => engine.requests.push(...read(new DataView(bytes.buffer, bytes.byteOffset), from, to)),
        stop: (request) => engine.stopped.push(request),
        busy: () => {},
        close: async () => {},
      };
    },
    close: async () => {},
  };
  const client = new EngineClient(connector, { bigints: false, patience: 1000 });
  await client.open();
  return { client, engines };
}
