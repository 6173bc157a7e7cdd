// What the browser itself takes: a message back, and a write that reaches the disk.

const PAGE = new Uint8Array(4096).fill(7);
/** As many pages as SQLite's log has when it starts over. */
const PAGES = 1_000;

/** The file that is written for each message, when the page has asked for that. */
let target;
let written = 0;

onmessage = async ({ data }) => {
  if (data.flushes !== undefined) return postMessage({ took: await flushes(data.flushes) });
  if (data.flushEach) target = await file();
  else if (target !== undefined) write(target, written++);
  postMessage(data);
};

/** A file that has its size already. */
async function file() {
  const root = await navigator.storage.getDirectory();
  const made = await root.getFileHandle('floor', { create: true });
  const handle = await made.createSyncAccessHandle();
  for (let page = 0; page < PAGES; page += 1) handle.write(PAGE, { at: page * PAGE.length });
  handle.flush();
  return handle;
}

function write(handle, count) {
  handle.write(PAGE, { at: (count % PAGES) * PAGE.length });
  handle.flush();
}

/** Writes 4 KiB and flushes, over and over; milliseconds in all. */
async function flushes(n) {
  const handle = await file();
  const start = performance.now();
  for (let done = 0; done < n; done += 1) write(handle, done);
  const took = performance.now() - start;
  handle.close();
  return took;
}
