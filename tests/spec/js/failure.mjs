/**
 * Why the steps of a scenario end early.
 */

/** The scenario does not hold, or is written incorrectly. */
export class Failure extends Error {}

/** An error leaves the block of a transaction or savepoint, as it should. */
export class Escape {
  /** @param {unknown} error what leaves the block, unchanged */
  constructor(error) {
    this.error = error;
  }
}

/** A call failed with `Unsupported`, and the scenario needs what the backend lacks. */
export class Lacking extends Error {}

/** The enclosing call was cancelled: how these steps end no longer matters. */
export class Abandoned extends Error {}

/** The caller's own exception, from a `throw`. */
export class Thrown extends Error {}
