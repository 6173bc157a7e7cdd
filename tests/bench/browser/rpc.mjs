// Calls a worker, as one would write it by hand: one message per call, with the
// reply matched by the number of the call.

/** The page's side: returns `call(method, ...args)`, which returns a promise. */
export function caller(worker) {
  const waiting = new Map();
  let last = 0;
  worker.onmessage = ({ data: [id, error, result] }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  };
  worker.onerror = (event) => {
    for (const { reject } of waiting.values()) reject(new Error(event.message));
  };
  return (method, ...args) =>
    new Promise((resolve, reject) => {
      const id = (last += 1);
      waiting.set(id, { resolve, reject });
      worker.postMessage([id, method, args]);
    });
}

/** The worker's side: runs calls of these methods, one after another. */
export function serve(methods) {
  let before = Promise.resolve();
  const answer = async (id, method, args) => {
    try {
      // Without `await`, synchronous results are sent in the same task.
      const result = methods[method](...args);
      postMessage([id, undefined, result instanceof Promise ? await result : result]);
    } catch (error) {
      postMessage([id, String(error?.stack ?? error)]);
    }
  };
  onmessage = ({ data: [id, method, args] }) => {
    if (methods.sync) return void answer(id, method, args);
    before = before.then(() => answer(id, method, args));
  };
}

/** Makes a subject for the works from the methods `open exec value get all run many close`. */
export function subject(worker, { sql, slowness = 1, options = {} }) {
  return {
    slowness,
    async open({ synchronous }) {
      const target = worker();
      const call = caller(target);
      await call('open', { synchronous, ...options });
      return {
        sync: false,
        exec: (text) => call('exec', text),
        value: (text) => call('value', text),
        get: (id) => call('get', sql.SELECT_ONE, [id]),
        all: async () => objects(await call('all', sql.SELECT_ALL)),
        insert: (row) => call('run', sql.INSERT_LOG, sql.logParams(row)),
        insertMany: (text, many) => call('many', text, many),
        async close() {
          await call('close');
          target.terminate();
        },
      };
    },
  };
}

/** Makes objects of rows, which travel as arrays because that is twice as fast. */
function objects({ columns: [a, b, c, d, e], rows }) {
  return rows.map((row) => ({
    [a]: row[0], [b]: row[1], [c]: row[2], [d]: row[3], [e]: row[4],
  }));
}
