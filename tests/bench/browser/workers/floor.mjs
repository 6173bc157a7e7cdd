// What the browser itself takes: a message back, and a write that reaches the disk.

const PAGE = new Uint8Array(4096).fill(7);
/** As many pages as SQLite's log has when it starts over. */
const PAGES = 1_000;

onmessage = async ({ data }) => {
  if (data.flushes === undefined) return postMessage(data);
  postMessage({ took: await flushes(data.flushes) });
};

/** Writes 4 KiB and flushes, over and over; milliseconds in all. */
async function flushes(n) {
  const root = await navigator.storage.getDirectory();
  const file = await root.getFileHandle('floor', { create: true });
  const handle = await file.createSyncAccessHandle();
  for (let page = 0; page < PAGES; page += 1) handle.write(PAGE, { at: page * PAGE.length });
  handle.flush();
  const start = performance.now();
  for (let done = 0; done < n; done += 1) {
    handle.write(PAGE, { at: (done % PAGES) * PAGE.length });
    handle.flush();
  }
  const took = performance.now() - start;
  handle.close();
  return took;
}
