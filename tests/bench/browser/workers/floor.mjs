// The cost of the browser itself: a message back, and a write that reaches the disk.

const PAGE = new Uint8Array(4096).fill(7);
/** As many pages as SQLite's log has when it starts over. */
const PAGES = 1_000;

/** What the worker does before each reply, as the page requested. */
let first = () => {};

onmessage = async ({ data }) => {
  if (data.flushes !== undefined) return postMessage({ took: await flushes(data.flushes) });
  if (data.before !== undefined) first = await prepared(data.before);
  else first();
  postMessage(data);
};

async function prepared({ flushEach, work }) {
  if (flushEach) {
    const target = await file();
    let written = 0;
    return () => write(target, written++);
  }
  const steps = Math.round(stepsIn(20_000) * (work / 20_000));
  return () => compute(steps);
}

let sum = 0;

function compute(steps) {
  for (let step = 0; step < steps; step += 1) sum = (sum * 3 + step) | 0;
}

/** Returns how many steps take `micros` microseconds. */
function stepsIn(micros) {
  const start = performance.now();
  let steps = 0;
  for (; (performance.now() - start) * 1_000 < micros; steps += 10_000) compute(10_000);
  return steps;
}

/** Makes a file that already has its full size. */
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

/** Writes 4 KiB and flushes, `n` times; returns the total in milliseconds. */
async function flushes(n) {
  const handle = await file();
  const start = performance.now();
  for (let done = 0; done < n; done += 1) write(handle, done);
  const took = performance.now() - start;
  handle.close();
  return took;
}
