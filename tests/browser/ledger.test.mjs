// Eight tabs move money while tabs are constantly closed, reloaded, crashed and frozen:
// the total stays the same, acknowledged transfers are there, and nothing hangs.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { KEEPING, WAYS, inBrowser, loaded, numbers, sleep, start, value, within } from './support.mjs';

const ACCOUNTS = 20;
const TABS = 8;
/** `EVENTS=200` is the long form. */
const EVENTS = Number(process.env.EVENTS ?? 120);

for (const kind of KEEPING) {
  for (const [way, path] of Object.entries(WAYS)) {
    test(`${kind}, ${way}: the total stays through ${EVENTS} ends of tabs`, { timeout: 600_000 }, (context) =>
      inBrowser(kind, async ({ tab }) => {
        const chance = numbers(EVENTS + path.length);
        const ledger = new Ledger(tab, path);
        await ledger.prepare();
        for (let i = 0; i < TABS; i += 1) await ledger.addTab();
        for (let event = 0; event < EVENTS; event += 1) {
          await sleep(chance(120));
          await ledger.endOne(chance);
        }
        await ledger.check();
        context.diagnostic(
          `${ledger.acknowledged.size} transfers acknowledged, ${ledger.unknown} unknown, ${ledger.refused} refused`,
        );
      }));
  }
}

class Ledger {
  /** The transfers whose promise was fulfilled; each has its own row in `moved`. */
  acknowledged = new Set();
  unknown = 0;
  refused = 0;
  problems = [];
  tabs = [];
  made = 0;

  constructor(tab, path) {
    this.tab = tab;
    this.path = path;
  }

  async prepare() {
    const page = await this.tab(this.path);
    await start(page);
    await page.evaluate(async (accounts) => {
      await window.db.batch(`CREATE TABLE accounts(id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
        CREATE TABLE moved(id TEXT PRIMARY KEY)`);
      await window.db.executeMany(
        'INSERT INTO accounts VALUES (?, 1000)',
        Array.from({ length: accounts }, (_, i) => [i]),
      );
    }, ACCOUNTS);
    await page.close();
  }

  async addTab(page) {
    const mine = page ?? (await this.tab(this.path));
    await start(mine);
    const entry = { page: mine, over: false };
    this.tabs.push(entry);
    entry.work = this.work(entry);
  }

  async work(entry) {
    while (!entry.over) {
      this.made += 1;
      const id = `m${this.made}`;
      let outcome;
      try {
        outcome = await within(15_000, `transfer ${id}`, entry.page.evaluate(transfer, { id, accounts: ACCOUNTS }));
      } catch (error) {
        if (entry.over) return;
        this.problems.push(String(error));
        return;
      }
      if (outcome === 'done') this.acknowledged.add(id);
      else if (outcome === 'OutcomeUnknown') this.unknown += 1;
      else if (['Cancelled', 'Busy'].includes(outcome)) this.refused += 1;
      // A tab that was reloaded in the meantime has no database yet.
      else if (!entry.over) this.problems.push(`${id}: ${outcome}`);
    }
  }

  async endOne(chance) {
    const [entry] = this.tabs.splice(chance(this.tabs.length), 1);
    entry.over = true;
    const { page } = entry;
    const how = ['close', 'reload', 'crash', 'freeze'][chance(4)];
    if (how === 'reload') {
      await page.reload();
      await loaded(page);
      await this.addTab(page);
      return;
    }
    if (how === 'freeze') {
      await page.evaluate(() => document.dispatchEvent(new Event('freeze')));
      await sleep(chance(100));
      await page.evaluate(() => document.dispatchEvent(new Event('resume')));
      await within(20_000, 'a frozen tab goes on', entry.work);
      await page.close();
    } else if (how === 'crash') {
      await page.crash();
      await page.close().catch(() => {});
    } else {
      await page.close();
    }
    await this.addTab();
  }

  async check() {
    for (const entry of this.tabs) entry.over = true;
    await Promise.all(this.tabs.map(({ work }) => within(20_000, 'the last transfers end', work)));
    assert.deepEqual(this.problems, []);
    const { page } = this.tabs[0];
    assert.equal(await value(page, 'SELECT sum(balance) FROM accounts'), ACCOUNTS * 1000);
    assert.equal(await value(page, 'PRAGMA integrity_check'), 'ok');
    const there = new Set(await page.evaluate(async () => (await window.db.query('SELECT id FROM moved')).map(({ id }) => id)));
    const lost = [...this.acknowledged].filter((id) => !there.has(id));
    assert.deepEqual(lost, [], 'acknowledged but not there');
    const surplus = there.size - this.acknowledged.size;
    // Nobody knows the outcome of transfers that were in progress in a tab that ended.
    assert.ok(surplus <= this.unknown + EVENTS + TABS, `${surplus} more than acknowledged`);
    assert.ok(this.acknowledged.size > EVENTS, 'next to nothing happened');
  }
}

/** In the page: moves money in a transaction that inserts its own row. */
async function transfer({ id, accounts }) {
  const pick = () => Math.floor(Math.random() * accounts);
  try {
    await window.db.transaction(async (tx) => {
      const amount = 1 + Math.floor(Math.random() * 20);
      await tx.execute('UPDATE accounts SET balance = balance - ? WHERE id = ?', [amount, pick()]);
      await tx.execute('UPDATE accounts SET balance = balance + ? WHERE id = ?', [amount, pick()]);
      await tx.execute('INSERT INTO moved VALUES (?)', [id]);
    });
    return 'done';
  } catch (error) {
    return error.kind ?? String(error);
  }
}
