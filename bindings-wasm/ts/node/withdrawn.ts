/**
 * The requests of a batch that nobody wants any more. While a statement runs, the
 * messages behind it wait: when they are heard, what was given up meanwhile is in
 * the table already, but the message that says so is further behind.
 *
 * @param isStopped whether the request of this number was given up
 * @returns the batch without them
 */
export function withoutWithdrawn(batch: ArrayBuffer, isStopped: (request: number) => boolean): ArrayBuffer {
  const view = new DataView(batch);
  let kept: [from: number, to: number][] | undefined;
  let at = 0;
  // What is cut short is the engine's to refuse.
  while (at + 8 <= batch.byteLength) {
    const end = at + 4 + view.getUint32(at, true);
    if (isStopped(view.getUint32(at + 4, true))) kept ??= at === 0 ? [] : [[0, at]];
    else kept?.push([at, end]);
    at = end;
  }
  if (kept === undefined) return batch;
  const parts = kept.map(([from, to]) => new Uint8Array(batch.slice(from, to)));
  const rest = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let filled = 0;
  for (const part of parts) {
    rest.set(part, filled);
    filled += part.length;
  }
  return rest.buffer;
}
