/**
 * One call of a scenario: its method, and its arguments in the shapes that the
 * package takes.
 */

import { Failure } from './failure.mjs';
import { list, read, text } from './data.mjs';
import { toKey, toParams, toRecord, toValue } from './values.mjs';

/** The keys that every call may have; any other key is an argument, and must be used. */
const OF_EVERY_CALL = [
  'call', 'on', 'as', 'steps', 'timeout', 'cancel', 'escapes', 'gives', 'rows', 'columns', 'count',
  'added', 'removed', 'updated', 'error',
];
const EXPECTATIONS = ['gives', 'rows', 'columns', 'count', 'added', 'removed', 'updated', 'error'];

/** The methods that return a handle other than a database. */
const GIVE_A_HANDLE = [
  'transaction', 'savepoint', 'begin', 'begin_savepoint', 'snapshot', 'acquire', 'watch', 'watch_all', 'outbox', 'replicate',
];

export class Call {
  #used = new Set(OF_EVERY_CALL);

  /**
   * @param {Record<string, unknown>} step
   * @param {Map<string, unknown>} names
   */
  constructor(step, names) {
    this.step = step;
    this.names = names;
    this.method = text(step.call);
    this.on = step.on ?? 'db';
    this.as = step.as ?? '';
    /** Aborted when the caller cancels the call. @type {AbortSignal | undefined} */
    this.signal = undefined;
    /** Settles when the steps inside have ended. @type {Promise<void> | undefined} */
    this.inside = undefined;
    this.#holdToRules();
  }

  /** Rejects steps with a part that has no effect: they say more than is checked. */
  #holdToRules() {
    const expects = EXPECTATIONS.some((key) => this.has(key));
    if ((this.has('cancel') || this.has('escapes')) && expects) {
      throw new Failure(`${this.method}: nobody would compare what is expected`);
    }
    if (this.has('error') && EXPECTATIONS.some((key) => key !== 'error' && this.has(key))) {
      throw new Failure(`${this.method}: expects an error and a result`);
    }
    const holds = GIVE_A_HANDLE.includes(this.method) || (this.method === 'stream' && this.has('steps'))
      || (this.method === 'select' && this.step.end === 'watch');
    if (holds !== this.has('steps') || (holds && this.as === '')) {
      throw new Failure(`${this.method}: "steps" and "as" are for calls that give a handle`);
    }
  }

  has(key) {
    return Object.hasOwn(this.step, key);
  }

  /** Returns the step's own JSON for a key. */
  json(key) {
    this.#used.add(key);
    return this.has(key) ? this.step[key] : undefined;
  }

  data(key) {
    if (!this.has(key)) throw new Failure(`${this.method} wants "${key}"`);
    return read(this.json(key), this.names);
  }

  text(key) {
    return text(this.data(key));
  }

  number(key) {
    const number = this.json(key);
    if (number !== undefined && !(Number.isSafeInteger(number) && number >= 0)) {
      throw new Failure(`"${key}" is no number: ${JSON.stringify(number)}`);
    }
    return number;
  }

  /** Called once all arguments are read: any that are left would have been ignored. */
  everythingWasUsed() {
    const ignored = Object.keys(this.step).find((key) => !this.#used.has(key));
    if (ignored !== undefined) throw new Failure(`"${ignored}" has no place in ${this.method}`);
  }

  /** Returns the last argument of the package's methods, with `more` options if there are any. */
  options(more) {
    const options = { ...more };
    if (this.signal) options.signal = this.signal;
    // A handle other than a database has no `timeout`; its calls have the option.
    if (this.limit !== undefined) options.timeout = this.limit;
    return Object.keys(options).length === 0 ? [] : [options];
  }

  params() {
    return this.has('params') ? toParams(this.data('params')) : undefined;
  }

  /** Returns the texts of a list, or the one text that stands there. */
  texts(key) {
    const data = this.data(key);
    return Array.isArray(data) ? data.map(text) : text(data);
  }

  each() {
    return list(this.data('each')).map(toParams);
  }

  /** Returns a script, or statements. */
  batch() {
    if (this.has('script')) return this.text('script');
    return list(this.data('statements')).map((statement) => {
      if (!Array.isArray(statement)) return text(statement);
      const [sql, params] = list(statement, 2);
      return [text(sql), toParams(params)];
    });
  }

  /** Returns the queries that are watched together. */
  queries() {
    return list(this.data('queries')).map((query) => {
      const [sql, params, key] = list(query);
      if (params === undefined) return text(sql);
      return key === undefined ? [text(sql), toParams(params)] : [text(sql), toParams(params), { key }];
    });
  }

  /** Returns how a transaction begins; without a mode the package's own default is tested. */
  mode() {
    const mode = this.json('mode');
    if (mode === undefined) return {};
    if (!['immediate', 'deferred', 'exclusive'].includes(mode)) {
      throw new Failure(`no transaction begins as "${mode}"`);
    }
    return { mode };
  }

  record() {
    return toRecord(this.data('record'));
  }

  records() {
    return list(this.data('records')).map(toRecord);
  }

  key() {
    return toKey(this.data('key'));
  }

  keys() {
    return list(this.data('keys')).map(toKey);
  }

  transfers() {
    return list(this.data('transfers')).map((transfer) => {
      const [from, to, amount] = list(transfer, 3);
      return { from: toKey(from), to: toKey(to), amount: toValue(amount) };
    });
  }
}
