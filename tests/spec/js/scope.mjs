/**
 * The steps of a scenario, and the handles that are open while they run.
 */

import { Abandoned, Escape, Failure, Lacking, Thrown } from './failure.mjs';
import { Call } from './call.mjs';
import { check, tell } from './check.mjs';
import { make } from './handles.mjs';
import { show } from './data.mjs';

/** How long a cancelled call may take to reject. It rejects at once, but machines can be slow. */
const AT_ONCE = 1000;

/** How long the steps inside a cancelled call may take to end. */
const SOON = 5000;

/**
 * A handle that steps can name.
 *
 * @typedef {{ name: string, kind: string, handle: object }} Frame
 */

/** What steps can see: databases, named values and named handles. */
export class Scope {
  /**
   * @param {import('./world.mjs').World} world
   * @param {Map<string, unknown>} names
   * @param {Frame[]} frames
   * @param {AbortSignal} [signal] aborted when the enclosing call is cancelled
   */
  constructor(world, names, frames, signal) {
    this.world = world;
    this.names = names;
    this.frames = frames;
    this.signal = signal;
  }

  /** Runs the steps of a call with the handle that it returned. */
  with(call, kind, handle) {
    const frames = [...this.frames, { name: call.as, kind, handle }];
    const scope = new Scope(this.world, new Map(this.names), frames, call.signal ?? this.signal);
    const running = scope.run(call.step.steps);
    call.inside = running.catch(() => {});
    return running;
  }

  /** Runs the steps one after another. The first begins before this returns. */
  async run(steps) {
    for (const [index, step] of steps.entries()) {
      try {
        if (this.signal?.aborted) throw new Abandoned();
        await this.#step(step);
      } catch (exit) {
        if (this.signal?.aborted) throw new Abandoned();
        if (!(exit instanceof Failure)) throw exit;
        throw new Failure(`step ${index + 1} ${shortened(step)}\n    ${exit.message}`);
      }
    }
  }

  #step(step) {
    const kinds = ['call', 'make', 'together', 'pause', 'throw'].filter((kind) => Object.hasOwn(step, kind));
    if (kinds.length !== 1) throw new Failure('is no step');
    const [kind] = kinds;
    if (kind === 'call') return this.#call(new Call(step, this.names));
    if (kind === 'make') return this.world.make(step);
    if (kind === 'together') return this.#together(step);
    if (Object.keys(step).length !== 1) throw new Failure('has keys that mean nothing there');
    if (kind === 'pause') return pause(step.pause, this.signal);
    throw new Escape(new Thrown(step.throw));
  }

  async #call(call) {
    const patience = call.number('cancel');
    if (patience !== undefined) return this.#giveUp(call, patience);
    const outcome = await this.#dispatch(call);
    if (call.has('escapes')) {
      if ('error' in outcome) throw new Escape(outcome.error);
      throw new Failure(`expected an error, found ${show(outcome.found)}`);
    }
    check(call, outcome, this.world);
    if (call.as !== '' && !call.has('steps') && call.method !== 'open' && 'found' in outcome) {
      this.names.set(call.as, outcome.found);
    }
  }

  /** Cancels the call after `patience`: it rejects at once, with the caller's reason. */
  async #giveUp(call, patience) {
    const controller = new AbortController();
    const reason = new Error('the scenario gave the call up');
    let since;
    call.signal = controller.signal;
    setTimeout(() => {
      since = performance.now();
      controller.abort(reason);
    }, patience);
    const outcome = await this.#dispatch(call);
    if (since === undefined) {
      const found = 'error' in outcome ? tell(outcome.error) : show(outcome.found);
      throw new Failure(`ended before it was given up: ${found}`);
    }
    const taken = performance.now() - since;
    if (!('error' in outcome)) throw new Failure(`was given up, and returns ${show(outcome.found)}`);
    const { error } = outcome;
    if (!(error instanceof this.world.api.CancelledError) || error.cause !== reason) {
      throw new Failure(`was given up, and fails with ${tell(error)}, cause ${tell(error?.cause)}`);
    }
    if (taken > AT_ONCE) throw new Failure(`was given up, and says so after ${taken} ms`);
    if (call.inside) await within(call.inside, SOON, 'the steps inside a call that was given up go on');
  }

  /**
   * Makes a call on the handle that it names, or on a database.
   *
   * @returns {Promise<import('./check.mjs').Outcome>}
   */
  #dispatch(call) {
    // The innermost handle of this name; the others remain for the steps inside.
    const own = this.frames.findLast((frame) => frame.name === call.on);
    const rest = new Scope(this.world, new Map(this.names), this.frames, this.signal);
    return make(call, own, rest);
  }

  /** Runs the children side by side, all of them started before any is awaited. */
  async #together(step) {
    const { together: children, times = 1 } = step;
    const other = Object.keys(step).find((key) => key !== 'together' && key !== 'times');
    if (other !== undefined) throw new Failure(`"${other}" has no place beside together`);
    if (!(children.length > 0) || !(times > 0)) throw new Failure('nothing runs together');
    const shared = this.frames.filter((frame) => frame.kind === 'snapshot');
    const running = Array.from({ length: times }, () => children).flat(1).map((child) => {
      const scope = new Scope(this.world, new Map(this.names), shared, this.signal);
      return scope.run(Array.isArray(child) ? child : [child]);
    });
    const ended = await Promise.allSettled(running);
    const first = ended.find((end) => end.status === 'rejected');
    if (!first) return;
    if (first.reason instanceof Escape) {
      throw new Failure(`an error left steps that run together: ${tell(first.reason.error)}`);
    }
    throw first.reason;
  }
}

/** Runs all steps of a scenario. */
export async function runSteps(world, steps) {
  try {
    await new Scope(world, new Map(), []).run(steps);
  } catch (exit) {
    if (exit instanceof Escape) throw new Failure(`an error left the scenario: ${tell(exit.error)}`);
    if (exit instanceof Failure || exit instanceof Lacking) throw exit;
    throw new Failure(`the runner itself failed: ${exit?.stack ?? exit}`);
  }
}

/** Waits, unless the enclosing call is cancelled. */
function pause(millis, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, millis);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Waits for a promise for at most `millis`. */
export async function within(promise, millis, otherwise) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Failure(`${otherwise}, after ${millis / 1000} s`)), millis);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

function shortened(step) {
  const text = JSON.stringify(step);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
