import type { UbiqliteError } from '../errors.js';
import { isDate, tagOf } from './kinds.js';

/** What a `Date` lacks of the digits that every language writes: a Rust or Kotlin moment has nanoseconds. */
const NANOS = '000000Z';

/** How a type of Temporal is written, by its tag; a moment in UTC. */
const TEMPORAL: Record<string, (value: Temporal) => string> = {
  '[object Temporal.Instant]': (value) => value.toString(DIGITS),
  '[object Temporal.ZonedDateTime]': (value) => value.toInstant().toString(DIGITS),
  '[object Temporal.PlainDateTime]': (value) => value.toString({ ...DIGITS, calendarName: 'never' }),
  '[object Temporal.PlainDate]': (value) => value.toString({ calendarName: 'never' }),
  '[object Temporal.PlainTime]': (value) => value.toString(DIGITS),
};

const DIGITS = { fractionalSecondDigits: 9 };

/** What those types have in common, of what is used here. */
interface Temporal {
  toString(options: object): string;
  toInstant(): Temporal;
}

/**
 * The text of a `Date`, or of a type of Temporal; `undefined` for what is neither. It is
 * ISO 8601, a moment in UTC, with nine digits of a second: of one width in every
 * language, so that the order of the texts is the order in time.
 *
 * @param refuse makes the error for what has no such text
 */
export function timeText(value: object, refuse: (why: string) => UbiqliteError): string | undefined {
  if (isDate(value)) return dateText(value, refuse);
  const tag = tagOf(value);
  if (!Object.hasOwn(TEMPORAL, tag)) return undefined;
  let text: string;
  try {
    text = TEMPORAL[tag](value as Temporal);
  } catch {
    throw refuse(`calls itself a ${tag.slice(8, -1)} and is none`);
  }
  // A year of more digits has a sign before it.
  if (/^[+-]/.test(text)) throw refuse(YEAR);
  return text;
}

const YEAR = 'has a year that is not of four digits, and would sort wrong as text';

function dateText(date: Date, refuse: (why: string) => UbiqliteError): string {
  const time = timeOf(date);
  if (time === undefined) throw refuse('calls itself a Date and is none');
  if (Number.isNaN(time)) throw refuse('is an invalid Date');
  const text = new Date(time).toISOString();
  if (/^[+-]/.test(text)) throw refuse(YEAR);
  return text.slice(0, -1) + NANOS;
}

/** Also of a Date of another realm; and not by a method that somebody gave it. */
function timeOf(date: Date): number | undefined {
  try {
    return Date.prototype.getTime.call(date);
  } catch {
    return undefined;
  }
}
