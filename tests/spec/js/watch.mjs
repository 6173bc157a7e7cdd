/**
 * The results of a watch, each checked against the one before.
 */

import { Failure } from './failure.mjs';
import { Update } from './data.mjs';
import { fromCount, fromPositions, fromRows, fromYes } from './values.mjs';

/** A watch, and what it returned last. */
export class Watching {
  #watch;
  #take;

  constructor(watch, take = new Results()) {
    this.#watch = watch;
    this.#take = take;
  }

  /** Returns the next result, or null if the watch has ended. */
  async next() {
    const { done, value } = await this.#watch.next();
    if (!fromYes(done)) return this.#take.take(value);
    if (value !== undefined) throw new Failure('a watch that has ended returns something');
    return null;
  }

  /** What a `for await` does when it is left early. Nothing comes after it. */
  async end() {
    await this.#watch.return();
    const { done } = await this.#watch.next();
    if (done !== true) throw new Failure('a watch goes on after its end');
  }

}

/** The results of several queries, all of one moment. */
export class ResultsOfAll {
  /** @type {Results[]} */
  #queries;

  constructor(count) {
    this.#queries = Array.from({ length: count }, () => new Results());
  }

  take(updates) {
    if (!Array.isArray(updates) || updates.length !== this.#queries.length) throw new Failure('there is not one result for each query');
    if (updates.some(({ moment, reset }) => moment !== updates[0].moment || reset !== updates[0].reset)) throw new Failure('the results are not of one moment');
    return updates.map((update, query) => {
      const { rows, added, removed, updated } = this.#queries[query].take(update);
      return new Map(Object.entries({ rows, added, removed, updated }));
    });
  }
}

/** The results of one query, each checked against the one before. */
class Results {
  /** The row objects of the last result. @type {object[]} */
  #rows = [];
  #moment = 0;
  #isFirst = true;

  take(update) {
    const before = this.#rows;
    const rows = fromRows(update.rows);
    const diff = this.#diffOf(update, before.length, rows.length);
    if (fromYes(update.reset) !== this.#isFirst) throw new Failure(`a result has reset ${update.reset}`);
    if (fromCount(update.moment) < this.#moment) throw new Failure(`moment ${update.moment} came after ${this.#moment}`);
    const known = new Set(before);
    const differs = new Set([...diff.added, ...diff.updated]);
    update.rows.forEach((row, position) => {
      if (known.has(row) === differs.has(position)) {
        throw new Failure(`row ${position} ${differs.has(position) ? 'differs, and is the same object' : 'is the same, and another object'}`);
      }
    });
    this.#rows = [...update.rows];
    this.#moment = update.moment;
    this.#isFirst = false;
    return new Update(rows, diff);
  }

  #diffOf({ diff }, before, now) {
    const added = fromPositions(diff.added, now);
    const removed = fromPositions(diff.removed, before);
    const updated = fromPositions(diff.updated, now);
    const whole = !this.#isFirst || (added.length === now && removed.length === 0 && updated.length === 0);
    const once = !updated.some((position) => added.includes(position));
    if (!whole || !once || now + removed.length !== before + added.length) {
      throw new Failure(`${JSON.stringify(diff)} does not lead from ${before} rows to ${now}`);
    }
    return { added, removed, updated };
  }
}
