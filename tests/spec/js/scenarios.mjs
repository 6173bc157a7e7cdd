/**
 * The files of `tests/spec`, as a list of scenarios.
 */

/**
 * The subjects, one file each. A page cannot list a server's folder; `node.mjs`, which
 * has a file system, checks that the list is complete.
 */
export const SUBJECTS = [
  'batch', 'cancel', 'check', 'close', 'concurrency', 'errors', 'execute', 'identifiers', 'migrations', 'open', 'params',
  'patterns', 'query', 'replicate', 'rows', 'savepoints', 'schema', 'select', 'session', 'snapshot', 'stats', 'stream',
  'sync', 'table_insert', 'table_rows', 'transactions', 'transfer', 'values', 'watch',
  'watch_all', 'watch_effects', 'watch_ends', 'watch_queries', 'watch_rows', 'watch_schema', 'watch_select', 'watch_silent',
];

const OF_A_FILE = ['subject', 'about', 'scenarios'];
const OF_A_SCENARIO = ['name', 'needs', 'given', 'setup', 'open', 'steps'];
const NEEDS = [
  'transactions', 'snapshots', 'cursors', 'sessions', 'files', 'recovery', 'replicas', 'interrupts', 'real_type',
  'utf16_text', 'big_integers', 'shared_handles',
];

/** Needs that `capabilities()` reports; the runner knows the others. */
export const CAPABILITIES = ['transactions', 'snapshots', 'cursors', 'sessions', 'replicas'];

/**
 * Puts the fixtures before each scenario's own SQL.
 *
 * @param {Map<string, object>} files what each subject's file holds
 * @param {Record<string, string[]>} fixtures what `fixtures.json` holds
 */
export function assemble(files, fixtures) {
  const all = [];
  const names = new Set();
  for (const [name, file] of files) {
    onlyKnown(file, OF_A_FILE, name);
    if (file.subject !== name) throw new Error(`${name}.json has the subject "${file.subject}"`);
    for (const scenario of file.scenarios) {
      const title = `${name}: ${scenario.name}`;
      onlyKnown(scenario, OF_A_SCENARIO, title);
      if (names.has(scenario.name)) throw new Error(`${title}: the name of another scenario`);
      names.add(scenario.name);
      all.push({
        title,
        needs: checked(scenario.needs ?? [], NEEDS, title),
        open: scenario.open,
        setup: [
          ...(scenario.given ?? []).flatMap((fixture) => fixtureOf(fixtures, fixture, title)),
          ...(scenario.setup ?? []),
        ],
        steps: someSteps(scenario.steps, title),
      });
    }
  }
  return all;
}

function fixtureOf(fixtures, name, title) {
  if (!Object.hasOwn(fixtures, name)) throw new Error(`${title}: "${name}" is no fixture`);
  return fixtures[name];
}

function checked(needs, known, title) {
  const unknown = needs.find((need) => !known.includes(need));
  if (unknown !== undefined) throw new Error(`${title}: needs "${unknown}", which is unknown`);
  return needs;
}

/** Checks that there are steps: without any, nothing would be tested. */
function someSteps(steps, title) {
  if (!Array.isArray(steps) || steps.length === 0) throw new Error(`${title}: has no steps`);
  return steps;
}

function onlyKnown(object, known, place) {
  const unknown = Object.keys(object).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new Error(`${place}: "${unknown}" has no place there`);
}
