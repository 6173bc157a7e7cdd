/** A second implementation of the wire format: it reads requests and writes replies. */

export const OP = {
  execute: 1, query: 2, queryOne: 3, queryOptional: 4, queryValue: 5, executeMany: 6, stream: 8, next: 9, more: 10, begin: 20, commit: 21,
  rollback: 22, savepoint: 23, release: 24, snapshot: 25, acquire: 26, drop: 27, cancel: 28, withdraw: 29, get: 33,
};
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Reads the requests of a batch. */
export function requestsOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const all = [];
  for (let at = 0; at < bytes.length; ) {
    const length = view.getUint32(at, true);
    const flags = view.getUint8(at + 9);
    const request = {
      id: view.getUint32(at + 4, true),
      op: view.getUint8(at + 8),
      more: (flags & 2) !== 0,
      reads: (flags & 8) !== 0,
      on: view.getUint32(at + 10, true),
      limit: undefined,
      text: '',
    };
    let from = at + 14;
    if ((flags & 1) !== 0) {
      request.limit = view.getUint32(from, true);
      from += 4;
    }
    if (request.op <= OP.stream || request.op === OP.get) {
      const size = view.getUint32(from, true);
      request.text = decoder.decode(bytes.subarray(from + 4, from + 4 + size));
    }
    all.push(request);
    at += 4 + length;
  }
  return all;
}

function reply(id, kind, extra, body) {
  const bytes = new Uint8Array(16 + Math.ceil(body / 8) * 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint32(4, id, true);
  view.setUint8(8, kind);
  view.setUint32(12, extra, true);
  return { bytes, view };
}

export const done = (id) => reply(id, 0, 0, 0).bytes.buffer;
export const handle = (id) => reply(id, 8, id, 0).bytes.buffer;
export const credit = (id) => reply(id, 9, 0, 0).bytes.buffer;
export const executed = (id) => reply(id, 2, 0, 16).bytes.buffer;

export function count(id) {
  const { bytes, view } = reply(id, 4, 0, 8);
  view.setUint32(16, 1, true);
  return bytes.buffer;
}

export function error(id, kind) {
  const json = encoder.encode(JSON.stringify({ kind, message: `the model's engine says ${kind}` }));
  const { bytes } = reply(id, 1, json.length, json.length);
  bytes.set(json, 16);
  return bytes.buffer;
}

/** Writes one row of one integer; `ends`: it is the last row of a stream. */
export function row(id, value, ends = false) {
  const { bytes, view } = reply(id, 7, 1, 16 + 8 + 16 + 16);
  view.setUint8(9, ends ? 1 : 0);
  [99, 1, 5].forEach((word, index) => view.setUint32(16 + 4 * index, word, true));
  bytes.set(encoder.encode('["a"]'), 32);
  view.setUint32(40, 1, true);
  view.setUint32(56, 1, true);
  view.setBigInt64(64, BigInt(value), true);
  return bytes.buffer;
}
