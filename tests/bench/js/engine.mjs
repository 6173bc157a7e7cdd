// The engine alone: requests go into the wasm as bytes and replies come out, on one
// thread, without messages and without making objects. A read through the package
// takes at least this long.

import { ROWS, ids, items } from './data.mjs';
import { CACHE_KIB, CREATE_ITEMS, INSERT_ITEM, SELECT_ONE, itemParams } from './sql.mjs';

// The operations that are used here, with their numbers in the core's `wire`.
const EXECUTE = 1;
const QUERY_OPTIONAL = 4;
const EXECUTE_MANY = 6;
/** A kind of reply. */
const ERROR = 1;

/**
 * Point reads in an in-memory database, one after another; microseconds per read.
 *
 * @param {{ connect: Function }} engine the generated JavaScript of the wasm
 * @param {WebAssembly.Memory} memory the memory of the started wasm
 * @param {number} n the number of reads
 */
export async function engineReads({ connect }, memory, n) {
  let ready;
  const port = await connect(':memory:', { client: 1, cacheKib: CACHE_KIB }, () => ready?.());
  const ask = async (request) => {
    port.submit(request);
    for (;;) {
      const length = port.take();
      if (length > 0) return checked(new Uint8Array(memory.buffer, port.taken(), length).slice());
      await new Promise((resolve) => (ready = resolve));
    }
  };
  await ask(new Request(1, EXECUTE).text(CREATE_ITEMS).byte(0).bytes());
  await ask(fillRequest());

  // One request, in which only the number and the key change.
  const request = new Request(0, QUERY_OPTIONAL).text(SELECT_ONE).params([0]).bytes();
  const view = new DataView(request.buffer, request.byteOffset);
  let last = 2;
  const read = async (some) => {
    for (const id of some) {
      view.setUint32(4, (last += 1), true);
      view.setBigInt64(request.length - 8, BigInt(id), true);
      await ask(request);
    }
  };
  await read(ids(1, 5_000));
  const some = ids(0, n);
  const start = performance.now();
  await read(some);
  const took = performance.now() - start;
  await port.close();
  return (took * 1_000) / n;
}

function fillRequest() {
  const request = new Request(2, EXECUTE_MANY).text(INSERT_ITEM).u32(ROWS);
  for (const row of items(ROWS)) request.params(itemParams(row));
  return request.bytes();
}

/** Returns a reply that is not an error. */
function checked(reply) {
  if (reply[8] === ERROR) throw new Error(new TextDecoder().decode(reply.subarray(16)));
  return reply;
}

/** The bytes of a request. */
class Request {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  constructor(id, op) {
    // Its length is known at the end.
    this.u32(0).u32(id).byte(op).byte(0).u32(0);
  }

  bytes() {
    this.#view.setUint32(0, this.#at - 4, true);
    return this.#bytes.subarray(0, this.#at);
  }

  byte(value) {
    this.#view.setUint8(this.#room(1), value);
    return this;
  }

  u32(value) {
    this.#view.setUint32(this.#room(4), value, true);
    return this;
  }

  text(value) {
    const at = this.#room(4 + 3 * value.length);
    const { written } = new TextEncoder().encodeInto(value, this.#bytes.subarray(at + 4));
    this.#view.setUint32(at, written, true);
    this.#at = at + 4 + written;
    return this;
  }

  params(values) {
    this.byte(1).u32(values.length);
    for (const value of values) this.#value(value);
    return this;
  }

  #value(value) {
    if (typeof value === 'string') return this.byte(3).text(value);
    const whole = Number.isInteger(value);
    this.byte(whole ? 1 : 2);
    const at = this.#room(8);
    if (whole) this.#view.setBigInt64(at, BigInt(value), true);
    else this.#view.setFloat64(at, value, true);
    return this;
  }

  /** Reserves `size` more bytes, and returns their offset. */
  #room(size) {
    const at = this.#at;
    this.#at += size;
    if (this.#at > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#at);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}
