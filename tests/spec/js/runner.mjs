/**
 * Runs the scenarios of `tests/spec` on the JavaScript package, in any environment.
 */

import { Failure, Lacking } from './failure.mjs';
import { CAPABILITIES } from './scenarios.mjs';
import { World } from './world.mjs';
import { runSteps, within } from './scope.mjs';

/** A scenario that takes longer has failed. */
const PATIENCE = 30_000;

/** After this many in a row the engine itself hangs, and the rest would only fail the same way. */
const STUCK = 3;

/** The needs that JavaScript never meets, wherever it runs. */
const NOT_IN_JAVASCRIPT = new Map([
  ['real_type', 'JavaScript has one type for 1.0 and 1'],
]);

/**
 * Where scenarios run.
 *
 * @typedef {object} Environment
 * @property {object} api what the package exports
 * @property {object} options passed to every `open`
 * @property {Map<string, string>} lacks the needs that are not met here, and why
 * @property {() => Promise<import('./world.mjs').Place>} place makes an empty place
 * @property {(line: string) => void} print
 * @property {(told: (error: unknown) => void) => () => void} watch reports unhandled
 *   rejections until the function that it returns is called
 */

/**
 * Runs the scenarios one after another, so that none waits for another one's work.
 *
 * @param {object[]} scenarios
 * @param {Environment} environment
 * @returns the report: plain data
 */
export async function runAll(scenarios, environment) {
  const started = performance.now();
  const capabilities = await capabilitiesOf(environment);
  const report = { scenarios: scenarios.length, held: [], failed: [], skipped: [], seconds: 0 };
  let late = 0;
  for (const scenario of scenarios) {
    const since = performance.now();
    if (late === STUCK) {
      const left = report.scenarios - report.held.length - report.failed.length - report.skipped.length;
      report.failed.push({ title: `${left} scenarios`, failure: `not run: ${STUCK} in a row were not over in time` });
      break;
    }
    const { skipped, failure } = await runOne(scenario, environment, capabilities);
    const seconds = (performance.now() - since) / 1000;
    late = seconds * 1000 >= PATIENCE ? late + 1 : 0;
    if (skipped !== undefined) {
      report.skipped.push({ title: scenario.title, reason: skipped });
      environment.print(`skipped ${scenario.title}: ${skipped}`);
    } else if (failure !== undefined) {
      report.failed.push({ title: scenario.title, failure });
      environment.print(`FAILED  ${scenario.title}`);
    } else {
      report.held.push({ title: scenario.title, seconds });
      environment.print(`ok      ${scenario.title}`);
    }
  }
  report.seconds = (performance.now() - started) / 1000;
  for (const { title, failure } of report.failed) environment.print(`\nFAILED  ${title}\n    ${failure}`);
  environment.print(
    `\n${report.scenarios} scenarios: ${report.held.length} hold, ${report.failed.length} failed, `
      + `${report.skipped.length} skipped, in ${report.seconds.toFixed(1)} s`,
  );
  return report;
}

/** Selects the scenarios that have one of the words in `subject: name`. */
export function choose(scenarios, words) {
  const chosen = scenarios.filter(({ title }) => words.length === 0 || words.some((word) => title.includes(word)));
  if (chosen.length === 0) throw new Error(`no scenario has one of the words: ${words.join(' ')}`);
  return chosen;
}

/** Returns the capabilities of the backend, as it reports them itself. */
export async function capabilitiesOf({ api, options }) {
  const db = await api.open(':memory:', { ...options });
  const known = await db.capabilities();
  await db.close();
  return known;
}

/**
 * Runs one scenario.
 *
 * @returns {Promise<{ skipped?: string, failure?: string }>}
 */
export async function runOne(scenario, environment, capabilities, patience = PATIENCE) {
  for (const need of scenario.needs) {
    const reason = NOT_IN_JAVASCRIPT.get(need) ?? environment.lacks.get(need);
    if (reason !== undefined) return { skipped: reason };
  }
  const lacks = scenario.needs.filter((need) => CAPABILITIES.includes(need) && capabilities[need] !== true);
  const place = await environment.place();
  const world = new World(environment.api, place, environment.options, lacks);
  let unhandled;
  const unwatch = environment.watch((error) => (unhandled ??= error));
  try {
    const whole = async () => {
      await world.prepare(scenario);
      await runSteps(world, scenario.steps);
      await world.close();
      // Unhandled rejections are reported one turn later.
      await new Promise((resolve) => setTimeout(resolve, 0));
    };
    await within(whole(), patience, 'is not over');
    if (unhandled !== undefined) throw new Failure(`a rejection that nobody handles: ${unhandled?.stack ?? unhandled}`);
    if (lacks.length > 0) throw new Failure(`${lacks.join(', ')} is lacking, and no call failed as Unsupported`);
    return {};
  } catch (error) {
    if (error instanceof Lacking) return { skipped: `lacks ${error.message}` };
    return { failure: error instanceof Failure ? error.message : `${error?.stack ?? error}` };
  } finally {
    // After a failure something may still be open, and may hang.
    await within(Promise.allSettled(world.opened.map((db) => db.close())), 5000, '').catch(() => {});
    unwatch();
    await place.end();
  }
}
