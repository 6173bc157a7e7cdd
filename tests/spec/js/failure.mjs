/**
 * Why the steps of a scenario end early.
 */

/** The scenario does not hold, or is written wrong. */
export class Failure extends Error {}

/** An error leaves the block of a transaction or savepoint, as it should. */
export class Escape {
  /** @param {unknown} error what leaves the block, unchanged */
  constructor(error) {
    this.error = error;
  }
}

/** A call answered `Unsupported`, and the scenario needs what the backend lacks. */
export class Lacking extends Error {}

/** The call around these steps was given up: nobody asks any more how they end. */
export class Abandoned extends Error {}

/** The caller's own exception, of a `throw`. */
export class Thrown extends Error {}
