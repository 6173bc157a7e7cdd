/**
 * Checks that no scenario passes vacuously: scenarios that hold are made wrong in one
 * place each, and each of these must fail; and on a package that does nothing at all,
 * none holds.
 *
 *     node tests/spec/js/self_test.mjs [--package=PATH] [--each=2] [--seed=1] [words]
 *
 * `--each=0` tries every mutant.
 */

import { capabilitiesOf, choose, runOne } from './runner.mjs';
import { environment, load, scenarios } from './node.mjs';
import { mutants } from './mutate.mjs';

/** These only say that a call does not fail. */
const HOLD_ON_NOTHING = [
  'close: closing a second time is no error',
  'close: closing two times at once is no error',
  'close: interrupting a closed database is no error',
];

/** A wrong expectation shows when its call returns; the longest takes a second and a half. */
const PATIENCE = 10_000;

function option(name, otherwise) {
  const given = process.argv.find((arg) => arg.startsWith(`--${name}=`));
  return given?.slice(name.length + 3) ?? otherwise;
}

/** Returns pseudo-random numbers, the same each time. */
function* numbers(seed) {
  let state = seed >>> 0;
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state;
  }
}

/** Returns a few of the items, each with the same chance. */
function sample(items, many, random) {
  const left = [...items];
  const chosen = [];
  while (left.length > 0 && chosen.length < many) {
    chosen.push(...left.splice(random.next().value % left.length, 1));
  }
  return chosen;
}

/** Makes a package whose every call returns undefined. */
function hollowPackage() {
  class UbiqliteError extends Error {}
  const nothing = () => hollow;
  const hollow = new Proxy(nothing, {
    get: (_, name) => (name === 'then' ? (resolve) => resolve(undefined) : hollow),
    apply: () => hollow,
  });
  const database = new Proxy({}, { get: (_, name) => (name === 'then' ? undefined : hollow) });
  return { UbiqliteError, CancelledError: UbiqliteError, open: async () => database };
}

async function onNothing(all) {
  const held = [];
  const nothing = environment(hollowPackage(), () => {});
  const capabilities = { transactions: true, cursors: true, snapshots: true, sessions: true };
  for (const scenario of all) {
    const { failure, skipped } = await runOne(scenario, nothing, capabilities, 500);
    if (failure === undefined && skipped === undefined) held.push(scenario.title);
  }
  console.log(`on a package that does nothing ${held.length} of ${all.length} scenarios hold`);
  return held.filter((title) => !HOLD_ON_NOTHING.includes(title));
}

async function main() {
  const words = process.argv.slice(2).filter((arg) => !arg.startsWith('-'));
  const all = choose(await scenarios(), words);
  const wrong = (await onNothing(all)).map((title) => `holds on nothing: ${title}`);
  const seed = Number(option('seed', '1'));
  const each = Number(option('each', '2'));
  const random = numbers(seed);
  const here = environment(await load(option('package')), () => {});
  const capabilities = await capabilitiesOf(here);
  let [tried, scenariosTried, unusable] = [0, 0, 0];
  for (const scenario of all) {
    const original = await runOne(scenario, here, capabilities);
    if (original.failure !== undefined || original.skipped !== undefined) {
      unusable += 1;
      continue;
    }
    scenariosTried += 1;
    const ways = mutants(scenario);
    for (const { what, scenario: mutant } of sample(ways, each || ways.length, random)) {
      tried += 1;
      const { failure } = await runOne(mutant, here, capabilities, PATIENCE);
      if (failure === undefined) wrong.push(`holds although ${what}: ${scenario.title}`);
    }
  }
  wrong.forEach((line) => console.log(`FAILED  ${line}`));
  console.log(
    `${tried} mutants of ${scenariosTried} scenarios (${unusable} fail or are skipped as they are), `
      + `seed ${seed}: ${wrong.length} not noticed`,
  );
  process.exitCode = wrong.length === 0 && tried > 0 ? 0 : 1;
}

await main();
