import * as ubiqlite from '/pkg/browser.js';

window.ubiqlite = ubiqlite;

/** Opens the database that the page's tests call `db`. */
window.start = async (name = 'app.db', options = {}) => {
  const begun = performance.now();
  window.db = await ubiqlite.open(name, options);
  return performance.now() - begun;
};

/** Reads endlessly, and records when each read began and ended. */
window.watch = () => {
  window.pauses = [];
  window.failures = [];
  window.watching = true;
  (async () => {
    let last = performance.now();
    while (window.watching) {
      try {
        await window.db.queryValue('SELECT count(*) FROM sqlite_schema');
      } catch (error) {
        window.failures.push(`${error.kind}: ${error.message}`);
      }
      const now = performance.now();
      window.pauses.push([last, now]);
      last = now;
      await new Promise((resolve) => {
        // Not a timer: in a hidden tab they are slow.
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => {
          port1.close();
          resolve();
        };
        port2.postMessage(0);
      });
    }
  })();
};

/** Watches a query, and records its results. `stop()` ends the watch. */
window.live = (sql, params) => {
  window.results = [];
  window.failures = [];
  window.stop = window.db.watch(sql, params, { key: 'n' }).subscribe(
    ({ rows, reset }) => {
      const before = new Set(window.results.at(-1)?.rows);
      window.results.push({ rows, reset, same: rows.filter((row) => before.has(row)).length });
    },
    (error) => window.failures.push(`${error.kind}: ${error.message}`),
  );
};

/** The same for several queries, of which each has a key; `same` counts the rows of all. */
window.liveAll = (queries) => {
  window.results = [];
  window.failures = [];
  window.stop = window.db.watchAll(queries.map((sql) => [sql, [], { key: 'n' }])).subscribe(
    (all) => {
      const before = new Set(window.results.at(-1)?.objects);
      const objects = all.flatMap(({ rows }) => rows);
      window.results.push({
        rows: all.map(({ rows }) => rows.map(({ n }) => n)),
        reset: all.map(({ reset }) => reset),
        moments: new Set(all.map(({ moment }) => moment)).size,
        same: objects.filter((row) => before.has(row)).length,
        objects,
      });
    },
    (error) => window.failures.push(`${error.kind}: ${error.message}`),
  );
};

/** Reads the outbox of the table `t`, applies each batch to a copy in memory, and records its number. */
window.send = async () => {
  window.sent = [];
  window.failures = [];
  window.copy = await ubiqlite.open(':memory:');
  await window.copy.execute('CREATE TABLE t (n INTEGER PRIMARY KEY)');
  const outbox = await window.db.outbox('t');
  (async () => {
    for await (const { id, bytes } of outbox) {
      await window.copy.apply(bytes, 'abort');
      window.sent.push(id);
      // If the leader was lost while it ran, a later one acknowledges this batch too.
      await outbox.ack(id).catch((error) => {
        if (error.kind !== 'OutcomeUnknown') throw error;
      });
    }
  })().catch((error) => window.failures.push(`${error.kind}: ${error.message}`));
};

/** Inserts rows endlessly, one after another, and records those that were acknowledged. */
window.write = () => {
  window.acknowledged = [];
  window.unknown = [];
  window.writing = true;
  window.written = (async () => {
    for (let n = 1; window.writing; n += 1) {
      try {
        await window.db.execute('INSERT INTO t VALUES (?)', [n]);
        window.acknowledged.push(n);
      } catch (error) {
        // The leader was lost while it ran.
        if (error.kind !== 'OutcomeUnknown') throw error;
        window.unknown.push(n);
      }
    }
  })();
};

/** Runs a statement that takes seconds, in the background. */
window.LONG = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000)
  SELECT count(*) FROM n`;

/** Starts a worker that opens databases itself; commands: `ask('open', name)`, `ask('value', sql)`, `ask('close')`. */
window.startWorker = () => {
  const worker = new Worker('/worker.js', { type: 'module' });
  const waiting = [];
  worker.onmessage = ({ data }) => {
    const { resolve, reject } = waiting.shift();
    if (data.error) reject(Object.assign(new Error(data.error), { kind: data.kind }));
    else resolve(data.result);
  };
  window.worker = worker;
  window.ask = (...question) =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      worker.postMessage(question);
    });
};

window.ready = true;
