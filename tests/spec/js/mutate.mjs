/**
 * Makes scenarios wrong: each mutant expects something that does not happen.
 */

const OTHER_KIND = 'NotADatabase';

/**
 * @typedef {{ what: string, scenario: object }} Mutant
 */

/**
 * Returns all ways to make one expectation of a scenario wrong.
 *
 * @returns {Mutant[]}
 */
export function mutants(scenario) {
  const all = [];
  for (const path of calls(scenario.steps, [])) {
    for (const { what, step } of wrong(at(scenario.steps, path))) {
      const steps = structuredClone(scenario.steps);
      at(steps, path.slice(0, -1))[path.at(-1)] = step;
      all.push({ what: `${JSON.stringify(path)} ${what}`, scenario: { ...scenario, steps } });
    }
  }
  return all;
}

function at(value, path) {
  return path.reduce((inner, key) => inner[key], value);
}

/** Returns the paths of all steps that have an expectation. */
function calls(steps, path) {
  return steps.flatMap((step, index) => {
    const here = [...path, index];
    if (Array.isArray(step)) return calls(step, here);
    const own = 'call' in step || 'throw' in step ? [here] : [];
    // How the steps inside a cancelled call end is not checked.
    if ('cancel' in step) return [];
    const inner = ['steps', 'together', 'meanwhile'].filter((key) => Array.isArray(step[key]));
    return [...own, ...inner.flatMap((key) => calls(step[key], [...here, key]))];
  });
}

function wrong(step) {
  if ('throw' in step) return [{ what: 'throws something else', step: { throw: `${step.throw}!` } }];
  const { gives, rows, columns, count, added, removed, updated, error, escapes, ...bare } = step;
  if (escapes) return [{ what: 'is no error', step: bare }];
  const changed = (key, values) => values.map(({ what, value }) => ({ what: `${key} ${what}`, step: { ...step, [key]: value } }));
  const all = [];
  if (error === undefined) all.push({ what: 'is an error', step: { ...bare, error: OTHER_KIND } });
  else all.push({ what: 'is no error', step: bare });
  const partial = ['execute', 'batch', 'capabilities', 'apply', 'migrations', 'stats', 'flush', 'state', 'stop'].includes(step.call);
  if (gives !== undefined) all.push(...changed('gives', otherData(gives, partial)));
  if (rows !== undefined) all.push(...changed('rows', otherData(rows, false)));
  for (const [key, positions] of Object.entries({ added, removed, updated })) {
    if (positions !== undefined) all.push(...changed(key, otherData(positions, false)));
  }
  if (count !== undefined) all.push(...changed('count', [{ what: 'is one more', value: count + 1 }]));
  if (columns !== undefined) {
    all.push(...changed('columns', [
      { what: 'are one more', value: [...columns, 'nope'] },
      { what: 'have another order', value: columns.length > 1 ? [...columns].reverse() : ['nope'] },
    ]));
  }
  if (error !== undefined) all.push(...changed('error', otherErrors(error)));
  return all;
}

/** Returns data that differs from this by one change each. */
function otherData(data, partial) {
  const is = (what, value) => [{ what, value }];
  if (data === null) return is('is 0', 0);
  if (typeof data === 'boolean') return is('is the opposite', !data);
  if (typeof data === 'number') return is('is one more', data + 1);
  if (typeof data === 'string') return is('is a letter longer', `${data}x`);
  if (Array.isArray(data)) {
    return [
      ...is('has one more', [...data, data.at(-1) ?? null]),
      ...(data.length > 0 ? is('has one less', data.slice(0, -1)) : []),
      ...data.slice(0, 3).flatMap((item, index) => otherData(item, partial)
        .map(({ what, value }) => ({ what: `[${index}] ${what}`, value: data.with(index, value) }))),
    ];
  }
  const notation = Object.keys(data).find((key) => key.startsWith('$'));
  if (notation === '$any') return is('is NULL', null);
  if (notation === '$int') return is('is one more', { $int: `${BigInt(data.$int) + 1n}` });
  if (notation === '$real') return is('has the other sign', { $real: data.$real.startsWith('-') ? data.$real.slice(1) : `-${data.$real}` });
  if (notation === '$blob') return is('has a byte more', { $blob: `${data.$blob}00` });
  if (notation !== undefined) return is('is something else', [['something', 'else'], 7]);
  const fields = Object.entries(data);
  return [
    ...(partial ? [] : is('has a column more', { ...data, nope: null })),
    ...(partial || fields.length < 2 ? [] : is('has a column less', Object.fromEntries(fields.slice(1)))),
    ...fields.flatMap(([name, value]) => otherData(value, partial)
      .map(({ what, value: other }) => ({ what: `.${name} ${what}`, value: { ...data, [name]: other } }))),
  ];
}

function otherErrors(error) {
  if (typeof error === 'string') return [{ what: 'is of another kind', value: otherProperty('kind', error) }];
  return Object.entries(error).map(([name, value]) => {
    const changed = { ...error, [name]: otherProperty(name, value) };
    return { what: `has another ${name}`, value: changed };
  });
}

function otherProperty(name, value) {
  if (name === 'kind') return value === OTHER_KIND ? 'Corrupt' : OTHER_KIND;
  if (Array.isArray(value)) return [...value, 'nope'];
  return typeof value === 'number' ? value + 1 : `${value} nope`;
}
