import { open } from '/pkg/browser.js';

/** Returns the first bytes of all files whose names end with `suffix`, of all databases. */
async function heads(folder, suffix) {
  const found = [];
  for await (const [name, entry] of folder.entries()) {
    if (entry.kind === 'directory') found.push(...(await heads(entry, suffix)));
    else if (name.endsWith(suffix)) found.push(...new Uint8Array(await (await entry.getFile()).slice(0, 8).arrayBuffer()));
  }
  return found;
}

let db;

window.ask = async (deed, ...args) => {
  switch (deed) {
    // Before anything is opened: the first bytes of the log or journal that was left.
    case 'left':
      return heads(await navigator.storage.getDirectory(), args[1]);
    case 'digest':
      return undefined;
    case 'open':
      db = await open(args[0], { journalMode: args[1], cacheKib: args[2] });
      return undefined;
    case 'run':
      return void (await db.execute(args[0]));
    case 'value':
      return db.queryValue(args[0]);
    default:
      throw new Error(deed);
  }
};

window.ready = true;
