import sqlite3InitModule from '/official/index.mjs';

let installed;
let db;

/** Returns the pool, as soon as a killed tab has released its files. */
async function pool() {
  if (installed === undefined) {
    const sqlite3 = await sqlite3InitModule();
    for (let tries = 0; installed === undefined; tries += 1) {
      try {
        installed = await sqlite3.installOpfsSAHPoolVfs({ initialCapacity: 12, forceReinitIfPreviouslyFailed: true });
      } catch (error) {
        if (tries === 200) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
  return installed;
}

/** Returns a file's bytes as they are in the pool; none if there is no such file. */
async function bytes(name) {
  const files = await pool();
  return files.getFileNames().includes(name) ? files.exportFile(name) : new Uint8Array();
}

const DEEDS = {
  // Before the database is opened: the first bytes of the log or journal that was left.
  left: async (name, suffix) => [...(await bytes(`/${name}${suffix}`)).subarray(0, 8)],
  // The content of the database file, even while it is open.
  digest: async (name) => [...new Uint8Array(await crypto.subtle.digest('SHA-256', await bytes(`/${name}`)))].join(),
  open: async (name, journalMode, cacheKib) => {
    const { OpfsSAHPoolDb } = await pool();
    db = new OpfsSAHPoolDb(`/${name}`);
    if (journalMode === 'wal') db.exec('PRAGMA locking_mode = EXCLUSIVE');
    db.exec(`PRAGMA journal_mode = ${journalMode}; PRAGMA cache_size = -${cacheKib}`);
  },
  run: (sql) => void db.exec(sql),
  value: (sql) => db.selectValue(sql),
};

onmessage = async ({ data: { id, question: [deed, ...args] } }) => {
  try {
    postMessage({ id, result: await DEEDS[deed](...args) });
  } catch (error) {
    postMessage({ id, error: String(error?.message ?? error) });
  }
};
