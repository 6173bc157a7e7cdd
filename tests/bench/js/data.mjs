// The data of the JavaScript benchmarks: the same 100,000 rows as in the Rust
// benchmark (tests/bench/common/src/item.rs), derived from their ids alone.

/** Rows in the table `items`. */
export const ROWS = 100_000;

const WORDS = [
  'lamp', 'table', 'chair', 'shelf', 'mirror', 'carpet', 'kettle', 'teapot',
  'basket', 'candle', 'pillow', 'blanket', 'cushion', 'drawer', 'bench', 'stool',
];
const COLOURS = ['red', 'green', 'blue', 'white', 'black', 'amber', 'violet', 'brown'];
const STATUSES = ['new', 'active', 'done', 'archived'];
const WORD = 0xffff_ffff_ffff_ffffn;

/** Returns a sequence of random numbers below a limit (xorshift64), from a seed. */
export function sequence(seed) {
  // Spread small seeds over the whole word; xorshift must not start at 0.
  let state = (((BigInt(seed) + 1n) * 0x9e37_79b9_7f4a_7c15n) & WORD) | 1n;
  return (limit) => {
    state ^= (state << 13n) & WORD;
    state ^= state >> 7n;
    state ^= (state << 17n) & WORD;
    return Number((state >> 20n) % BigInt(limit));
  };
}

/** Returns the row with this id. */
export function item(id) {
  const pick = sequence(id);
  const word = WORDS[pick(16)];
  const colour = COLOURS[pick(8)];
  const watt = pick(200);
  const stock = pick(10_000);
  return {
    id,
    name: `${word} ${String(id).padStart(6, '0')}`,
    data: `{"watt":${watt},"colour":"${colour}","stock":${stock},"new":true}`,
    status: STATUSES[pick(4)],
    value: pick(1_000_000) / 100,
  };
}

/** Returns rows 1 to `n`. */
export function items(n) {
  return Array.from({ length: n }, (_, index) => item(index + 1));
}

/** Returns the first `n` random ids of a seed; called before the clock starts. */
export function ids(seed, n) {
  const pick = sequence(seed);
  return Int32Array.from({ length: n }, () => pick(ROWS) + 1);
}

/** Returns ids on every page of the table: reading them fills a page cache. */
export function warmUpIds() {
  // A page of 4 KiB holds more rows than this.
  return Array.from({ length: Math.ceil(ROWS / 30) }, (_, index) => 1 + 30 * index);
}

/**
 * Returns an integer that depends on all five columns, and on the end of each text.
 * The benchmarks sum it over the rows read; a wrong sum shows that something was
 * skipped.
 */
export function weight(row) {
  return (
    row.id +
    3 * text(row.name) +
    5 * text(row.data) +
    7 * text(row.status) +
    11 * Math.round(row.value * 100)
  );
}

function text(value) {
  return 256 * value.length + value.charCodeAt(value.length - 1);
}

/** The weights of all rows, to check sums against. */
export class Weights {
  #of = Float64Array.from({ length: ROWS }, (_, index) => weight(item(index + 1)));

  ofIds(some) {
    return some.reduce((sum, id) => sum + this.#of[id - 1], 0);
  }

  ofAll() {
    return this.#of.reduce((sum, one) => sum + one, 0);
  }
}
