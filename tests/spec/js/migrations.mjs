/**
 * Migrations: their files, what is done with them, and what is told of them.
 */

import { Failure } from './failure.mjs';
import { show } from './data.mjs';
import { settle } from './handles.mjs';

const OPTIONS = { allow_newer: 'allowNewer', accept_edited: 'acceptEdited', lock_timeout: 'lockTimeout' };

const STEP = { number: number, name: text, action: word('apply', 'revert', 'note', 'accept_edit'), alone: yes, took: optional(millis) };
const APPLIED = {
  number: number, name: text, appliedAt: optional(moment), took: optional(millis), breaksOlder: yes, reversible: yes, known: yes,
};
const DRIFT = { object: text, kind: word('missing', 'added', 'changed'), details: texts };

/** The methods, and the fields of what each lists. */
const METHODS = { run: STEP, dryRun: STEP, pending: STEP, to: STEP, applied: APPLIED, verify: DRIFT, rehearse: DRIFT };

/** Does what a step says with the migrations of a database. */
export function callMigrations(db, call) {
  const doing = call.json('do').replace(/_(.)/g, (_, letter) => letter.toUpperCase());
  const fields = METHODS[doing];
  if (fields === undefined) throw new Failure(`migrations can't ${doing}`);
  const { files, ...options } = readMigrations(Object.fromEntries(['files', ...Object.keys(OPTIONS)].map((name) => [name, call.json(name)])));
  const args = [...(doing === 'to' ? [call.number('number')] : []), ...call.options()];
  call.everythingWasUsed();
  return settle(
    () => (Object.keys(options).length === 0 ? db.migrations(files) : db.migrations(files, options))[doing](...args),
    (items) => listOf(items, fields),
  );
}

/** Returns the option of `open`. */
export function readMigrations(json) {
  const { files, ...more } = json;
  if (!Array.isArray(files)) throw new Failure(`${JSON.stringify(files)} are no files`);
  const options = { files };
  for (const [name, value] of Object.entries(more)) {
    if (!Object.hasOwn(OPTIONS, name)) throw new Failure(`migrations have no option "${name}"`);
    if (value !== undefined) options[OPTIONS[name]] = value;
  }
  return options;
}

function listOf(items, fields) {
  if (!Array.isArray(items)) throw new Failure(`a list is ${show(items)}`);
  return items.map((item) => {
    if (Object.keys(item).sort().join() !== Object.keys(fields).sort().join()) {
      throw new Failure(`what is told of a migration has the fields ${Object.keys(item)}`);
    }
    const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return new Map(Object.entries(fields).map(([name, from]) => [snake(name), from(item[name], name)]));
  });
}

function wrong(value, name) {
  return new Failure(`the ${name} of a migration is ${typeof value} ${String(value)}`);
}

function number(value, name) {
  if (!Number.isSafeInteger(value) || value < 0) throw wrong(value, name);
  return value;
}

function text(value, name) {
  if (typeof value !== 'string') throw wrong(value, name);
  return value;
}

function texts(value, name) {
  if (!Array.isArray(value)) throw wrong(value, name);
  return value.map((each) => text(each, name));
}

function yes(value, name) {
  if (typeof value !== 'boolean') throw wrong(value, name);
  return value;
}

function word(...known) {
  return (value, name) => {
    if (!known.includes(value)) throw wrong(value, name);
    return value;
  };
}

function millis(value, name) {
  if (typeof value !== 'number' || !(value >= 0 && value < 3_600_000)) throw wrong(value, name);
  return value;
}

/** A moment of the last hour. */
function moment(value, name) {
  if (!(value instanceof Date) || !(Math.abs(Date.now() - value.getTime()) < 3_600_000)) throw wrong(value, name);
  return value.toISOString();
}

function optional(from) {
  return (value, name) => (value === undefined ? null : from(value, name));
}
