// Shows what the official @sqlite.org/sqlite-wasm with its opfs-sahpool finds after the
// kills of ../crash.test.mjs, and what ubiqlite finds after the same steps:
//
//     npm install && node kill.mjs [chromium] [firefox]
//
// What the peer finds is printed, not judged, with one exception: if no kill left it a hot
// journal next to a file that the UPDATE had begun to change, the kills came at no bad
// moment, and this proves nothing. Our database must be intact.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { launch } from '../harness/drive.mjs';
import { serve } from '../harness/serve.mjs';
import { loaded, sleep, within } from '../support.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const OFFICIAL = 'node_modules/@sqlite.org/sqlite-wasm';
const { version } = JSON.parse(readFileSync(here(`${OFFICIAL}/package.json`)));

const SUBJECTS = { ubiqlite: 'ubiqlite', official: `@sqlite.org/sqlite-wasm ${version}, opfs-sahpool` };
const ROWS = 4000;
/** A cache so small that pages reach the file long before the statement ends. */
const CACHE_KIB = 64;
const DELAYS = [20, 60, 120];
const KILLS = {
  'tab closed': (page) => page.close(),
  'tab crashed': (page) => page.crash(),
  'tab reloaded': (page) => page.reload().then(() => page.close()),
};
const SUFFIX = { delete: '-journal', wal: '-wal' };
const LEFT = { delete: 'hot journal', wal: 'log' };
/** The first bytes of a hot rollback journal, one that must be rolled back. */
const HOT = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7].join();

/** Makes a database, kills its tab in mid-UPDATE, and inspects it in the next tab. */
async function round({ tab, kill, delay, journalMode, name }) {
  const ask = (page, what, ...args) =>
    within(60_000, `${what} ${args[0]}`, page.evaluate((question) => window.ask(...question), [what, ...args]));
  const writer = await tab();
  await ask(writer, 'open', name, journalMode, CACHE_KIB);
  await ask(writer, 'run', 'CREATE TABLE t(id INTEGER PRIMARY KEY, round INTEGER, filler)');
  await ask(
    writer,
    'run',
    `INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
     SELECT i, 0, randomblob(1000) FROM n`,
  );
  const before = await ask(writer, 'digest', name);
  await writer.evaluate(() => {
    void window.ask('run', 'UPDATE t SET round = 1, filler = randomblob(1000)').catch(() => {});
  });
  await sleep(delay);
  await within(20_000, 'the kill', kill(writer));

  const reader = await tab();
  try {
    const head = (await ask(reader, 'left', name, SUFFIX[journalMode])).join();
    // Ours has no digest, so only its journal counts.
    const changed = before === undefined || (await ask(reader, 'digest', name)) !== before;
    const left = journalMode === 'delete' ? head === HOT && changed : head !== '';
    return { left, ...(await look((...question) => ask(reader, ...question), name, journalMode)) };
  } finally {
    await reader.close();
    await writer.close().catch(() => {});
  }
}

/** Returns what is found: old rows, new rows, or neither. */
async function look(ask, name, journalMode) {
  try {
    await ask('open', name, journalMode, CACHE_KIB);
    const rounds = await ask('value', 'SELECT group_concat(DISTINCT round) FROM t NOT INDEXED');
    const count = await ask('value', 'SELECT count(*) FROM t');
    const integrity = await ask('value', 'PRAGMA integrity_check');
    const torn = !['0', '1'].includes(String(rounds)) || count !== ROWS || integrity !== 'ok';
    return { torn, old: String(rounds) === '0', what: `rounds ${rounds}, ${count} rows, ${String(integrity).split('\n')[0]}` };
  } catch (error) {
    return { torn: true, old: false, what: error.message };
  }
}

async function compare(kind, subject, journalMode) {
  const server = await serve({ '/': here('site'), '/pkg/': here('../../../bindings-wasm/dist'), '/official/': here(`${OFFICIAL}/dist`) });
  const seen = { kills: 0, left: 0, old: 0, torn: 0, example: '' };
  try {
    for (const [how, kill] of Object.entries(KILLS)) {
      for (const delay of DELAYS) {
        // A separate profile, so that damage from one round does not reach the next.
        const browser = await launch(kind);
        try {
          const tab = async () => loaded(await browser.newPage(server.url(`/${subject}.html`)));
          const found = await round({ tab, kill, delay, journalMode, name: 'app.db' });
          seen.kills += 1;
          seen.left += Number(found.left);
          seen.old += Number(found.old);
          seen.torn += Number(found.torn);
          if (found.torn) seen.example ||= `${how} after ${delay} ms: ${found.what}`;
        } finally {
          await browser.close();
        }
      }
    }
  } finally {
    await server.close();
  }
  return seen;
}

const browsers = process.argv.length > 2 ? process.argv.slice(2) : ['chromium', 'firefox'];
for (const kind of browsers) {
  for (const journalMode of Object.keys(SUFFIX)) {
    for (const [subject, name] of Object.entries(SUBJECTS)) {
      const { kills, left, old, torn, example } = await compare(kind, subject, journalMode);
      console.log(`${kind}, journal_mode ${journalMode}, ${name}:`);
      console.log(`  ${kills} kills in mid-UPDATE: ${left} left a ${LEFT[journalMode]}, ${old} found the old rows, ${torn} found a torn database`);
      if (torn > 0) console.log(`  for example, ${example}`);
      if (subject === 'ubiqlite' && torn > 0) process.exitCode = 1;
      if (subject === 'official' && journalMode === 'delete' && left === 0) process.exitCode = 1;
    }
  }
}
