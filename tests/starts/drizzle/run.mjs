// Eight processes open a new database at the same time, and each runs the same 12 migrations by drizzle's migrator:
// `npm ci && node run.mjs ROUNDS`.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import Database from 'better-sqlite3';
import { drizzle } from 'drizzle-orm/better-sqlite3';
import { migrate } from 'drizzle-orm/better-sqlite3/migrator';

const PROCESSES = 8;
const MIGRATIONS = 12;

/** As drizzle-kit writes them. Each says that it ran. */
function writeMigrations(folder) {
  mkdirSync(join(folder, 'meta'), { recursive: true });
  const entries = [];
  for (let number = 1; number <= MIGRATIONS; number += 1) {
    const tag = `${String(number - 1).padStart(4, '0')}_step`;
    const ran = number === 1 ? ['CREATE TABLE ran (number INTEGER NOT NULL);'] : [];
    const statements = [...ran, `CREATE TABLE t${number} (x);`, `INSERT INTO ran VALUES (${number});`];
    writeFileSync(join(folder, `${tag}.sql`), statements.join('\n--> statement-breakpoint\n'));
    entries.push({ idx: number - 1, version: '6', when: 1_700_000_000_000 + number, tag, breakpoints: true });
  }
  writeFileSync(join(folder, 'meta', '_journal.json'), JSON.stringify({ version: '7', dialect: 'sqlite', entries }));
}

function opened(path) {
  // As long as a program would ever wait.
  const db = new Database(path, { timeout: 60_000 });
  db.pragma('journal_mode = WAL');
  return db;
}

function migrated(folder, path) {
  let db;
  try {
    db = opened(path);
    migrate(drizzle(db), { migrationsFolder: folder });
    return 'ok';
  } catch (error) {
    return `${error.cause?.code ?? error.code ?? error.name}: ${String(error.cause?.message ?? error.message).split('\n')[0]}`;
  } finally {
    db?.close();
  }
}

/** Whether each migration ran once. */
function onceEach(path) {
  const db = opened(path);
  try {
    const { all, different } = db.prepare('SELECT count(*) AS "all", count(DISTINCT number) AS different FROM ran').get();
    return all === MIGRATIONS && different === MIGRATIONS;
  } catch {
    return false;
  } finally {
    db.close();
  }
}

async function main(rounds) {
  const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-starts-'));
  const migrations = join(folder, 'migrations');
  writeMigrations(migrations);
  const others = Array.from({ length: PROCESSES }, () => fork(fileURLToPath(import.meta.url), ['child', migrations]));
  await Promise.all(others.map((other) => once(other, 'message')));
  let [failed, badRounds, wrong] = [0, 0, 0];
  const kinds = new Map();
  for (let round = 0; round < rounds; round += 1) {
    const path = join(folder, `round-${round}.db`);
    const told = others.map((other) => once(other, 'message'));
    for (const other of others) other.send(path);
    const errors = (await Promise.all(told)).map(([said]) => said).filter((said) => said !== 'ok');
    failed += errors.length;
    if (errors.length > 0) badRounds += 1;
    for (const error of errors) kinds.set(error, (kinds.get(error) ?? 0) + 1);
    if (!onceEach(path)) wrong += 1;
  }
  for (const other of others) other.disconnect();
  rmSync(folder, { recursive: true, force: true });
  console.log(
    `drizzle: ${PROCESSES} processes × ${rounds} first starts: ${failed} errors in ${badRounds} of the rounds; `
      + `in ${wrong} not every migration ran once`,
  );
  for (const [error, times] of kinds) console.log(`  ${times} × ${error}`);
}

const [first, folder] = process.argv.slice(2);
if (first === 'child') {
  process.on('message', (path) => process.send(migrated(folder, path)));
  process.send('ready');
} else {
  await main(Number(first ?? 200));
}
