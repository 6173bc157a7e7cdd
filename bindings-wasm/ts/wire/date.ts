import type { UbiqliteError } from '../errors.js';
import { isDate, tagOf } from './kinds.js';

/** The digits that a `Date` lacks and every language writes: a Rust or Kotlin moment has nanoseconds. */
const NANOS = '000000Z';

/** How each Temporal type is written, by its tag. Moments are in UTC. */
const TEMPORAL: Record<string, (value: Temporal) => string> = {
  '[object Temporal.Instant]': (value) => value.toString(DIGITS),
  '[object Temporal.ZonedDateTime]': (value) => value.toInstant().toString(DIGITS),
  '[object Temporal.PlainDateTime]': (value) => value.toString({ ...DIGITS, calendarName: 'never' }),
  '[object Temporal.PlainDate]': (value) => value.toString({ calendarName: 'never' }),
  '[object Temporal.PlainTime]': (value) => value.toString(DIGITS),
};

const DIGITS = { fractionalSecondDigits: 9 };

/** What is used here of those types. */
interface Temporal {
  toString(options: object): string;
  toInstant(): Temporal;
}

/**
 * Returns the text of a `Date` or a Temporal type, or `undefined` for anything else. It is
 * ISO 8601, with moments in UTC and nine digits of a second. The width is the same in
 * every language, so that texts sort by time.
 *
 * @param refuse makes the error for a value without such a text
 */
export function timeText(value: object, refuse: (why: string) => UbiqliteError): string | undefined {
  if (isDate(value)) return dateText(value, refuse);
  const tag = tagOf(value);
  if (!Object.hasOwn(TEMPORAL, tag)) return undefined;
  let text: string;
  try {
    text = TEMPORAL[tag](value as Temporal);
  } catch {
    throw refuse(`claims to be a ${tag.slice(8, -1)} but is not one`);
  }
  // A year with more digits begins with a sign.
  if (/^[+-]/.test(text)) throw refuse(YEAR);
  return text;
}

const YEAR = 'has a year that does not have four digits, and would sort incorrectly as text';

function dateText(date: Date, refuse: (why: string) => UbiqliteError): string {
  const time = timeOf(date);
  if (time === undefined) throw refuse('claims to be a Date but is not one');
  if (Number.isNaN(time)) throw refuse('is an invalid Date');
  const text = new Date(time).toISOString();
  if (/^[+-]/.test(text)) throw refuse(YEAR);
  return text.slice(0, -1) + NANOS;
}

/** Works for a Date of another realm too, and ignores a method that somebody gave it. */
function timeOf(date: Date): number | undefined {
  try {
    return Date.prototype.getTime.call(date);
  } catch {
    return undefined;
  }
}
