// What a window of the app does is in its address.
import { invoke } from '@tauri-apps/api/core';
import { open } from 'ubiqlite/tauri';
import { tests } from './first.mjs';

const does = new URL(location.href).searchParams.get('does');
const tell = (what) => invoke('tell', { what });

/** Begins a transaction, and leaves it open. */
async function hold() {
  const db = await open('ends.db');
  const tx = await db.begin();
  await tx.execute("INSERT INTO t VALUES ('held')");
}

switch (does) {
  case 'tests': {
    const results = [];
    for (const [name, test] of Object.entries(tests)) {
      try {
        await test();
        results.push({ name });
      } catch (error) {
        results.push({ name, error: `${error?.stack ?? ''} ${error?.kind ?? ''} ${error?.message ?? JSON.stringify(error)}` });
      }
    }
    await invoke('finish', { results });
    break;
  }
  case 'hold':
    await hold();
    await tell('it holds');
    break;
  case 'reload':
    if (sessionStorage.getItem('reloaded') === null) {
      sessionStorage.setItem('reloaded', 'yes');
      await hold();
      location.reload();
    } else {
      await tell('it has reloaded');
    }
    break;
  case 'write': {
    const db = await open('live.db');
    await db.execute('INSERT INTO t VALUES (3)');
    await tell('it has written');
    break;
  }
  case 'open':
    try {
      await open('app.db');
      await tell('it was opened');
    } catch (error) {
      await tell(`${error.kind}: ${error.message}`);
    }
    break;
  default:
    await tell(`there is no ${does}`);
}
