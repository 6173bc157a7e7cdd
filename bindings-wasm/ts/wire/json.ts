import { UbiqliteError } from '../errors.js';
import { timeText } from './date.js';
import { aKindOf, isArrayBuffer, isPlain, isSharedArrayBuffer } from './kinds.js';
import { isWellFormed } from './writer.js';

/**
 * Returns the JSON text of a list or object. Values that JSON would leave out or change
 * into something else are refused, as they are outside of JSON.
 *
 * @param name the name of the value, where its path begins
 * @param refuse makes the error for a refused value
 * @throws what `refuse` makes; for what a getter or a `toJSON` of the value throws, with its text
 */
export function jsonText(root: object, name: string, refuse: (why: string) => UbiqliteError): string {
  const walk = new Walk(name, refuse);
  let text: string | undefined;
  try {
    text = JSON.stringify(root, function replacer(this: object, key: string, value: unknown): unknown {
      return walk.check(this, key, value);
    });
  } catch (error) {
    if (error instanceof UbiqliteError) throw error;
    throw refuse(`${name} can't be written as JSON: ${(error as Error | undefined)?.message ?? String(error)}`);
  }
  // Only `undefined` has no text, and that was refused.
  return text as string;
}

const PLAIN_NAME = /^[\p{L}_$][\p{L}\p{N}_$]*$/u;

/** Follows `JSON.stringify`, which passes the holder of each value. */
class Walk {
  /** The nested holders, from the root to the value being written. */
  private readonly holders: object[] = [];
  private readonly keys: string[] = [];

  constructor(
    private readonly name: string,
    private readonly refuse: (why: string) => UbiqliteError,
  ) {}

  /** Returns what to write for the value, which is the result of its `toJSON` if it has one. */
  check(holder: object, key: string, value: unknown): unknown {
    const { holders, keys } = this;
    while (holders.length > 0 && holders[holders.length - 1] !== holder) {
      holders.pop();
      keys.pop();
    }
    if (!isWellFormed(key)) throw this.refuse(`${this.path(key)} has a name with half of a surrogate pair, which no text can hold`);
    const given = (holder as Record<string, unknown>)[key];
    if (typeof given === 'object' && given !== null) {
      const time = timeText(given, (why) => this.wrong(key, why));
      if (time !== undefined) return time;
      if (ArrayBuffer.isView(given) || isArrayBuffer(given) || isSharedArrayBuffer(given)) {
        throw this.wrong(key, `is ${aKindOf(given)}: JSON has no bytes; give them a column of their own`);
      }
    }
    if (holders.length === 0 && (typeof value !== 'object' || value === null)) {
      throw this.wrong(
        key,
        `is ${aKindOf(given)}, whose toJSON() returns no list or object; bind the part that is meant`,
      );
    }
    switch (typeof value) {
      case 'number':
        if (Number.isFinite(value)) return value;
        throw this.wrong(key, `is ${value}, which JSON does not have; use null for a missing number`);
      case 'boolean':
        return value;
      case 'string':
        if (isWellFormed(value)) return value;
        throw this.wrong(key, 'contains half of a surrogate pair, which is not valid text');
      case 'undefined':
        throw this.wrong(key, 'is undefined; leave it out, or use null');
      case 'bigint':
        throw this.wrong(key, 'is a bigint, which JSON does not have; store it as text');
      case 'object':
        return value === null ? null : this.enter(key, value);
      default:
        throw this.wrong(key, `is a ${typeof value}, which JSON does not have`);
    }
  }

  private enter(key: string, value: object): object {
    if (!Array.isArray(value) && !isPlain(value)) {
      throw this.wrong(
        key,
        `is ${aKindOf(value)}, which JSON does not have; store one of its fields, or give it a toJSON()`,
      );
    }
    if (this.holders.includes(value)) throw this.wrong(key, 'is a circular reference');
    this.holders.push(value);
    this.keys.push(key);
    return value;
  }

  private wrong(key: string, why: string): UbiqliteError {
    return this.refuse(`${this.path(key)} ${why}`);
  }

  /** Returns the path of a value, such as `data.x[0].y` for one inside `data`. */
  private path(key: string): string {
    const { holders, keys } = this;
    // The holder of the root is an object without meaning.
    if (holders.length === 0) return this.name;
    const steps = [...keys.slice(1), key].map((step, index) => {
      if (Array.isArray(holders[index])) return `[${step}]`;
      return PLAIN_NAME.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
    });
    return this.name + steps.join('');
  }
}
