import type { UbiqliteError } from '../errors.js';

/** What a `Date` lacks of the digits that every language writes: a Rust or Kotlin moment has nanoseconds. */
const NANOS = '000000Z';
/** `2026-01-31T12:00:00.000Z` */
const WIDTH = 24;

/**
 * The text of a moment: ISO 8601 in UTC with nine digits of a second, of one width in
 * every language, so that the order of the texts is the order in time.
 *
 * @param refuse makes the error for what has no such text
 */
export function momentText(date: Date, refuse: (why: string) => UbiqliteError): string {
  // Also for one of another realm; and not by a method that somebody gave it.
  const time = timeOf(date);
  if (time === undefined) throw refuse('calls itself a Date and is none');
  if (Number.isNaN(time)) throw refuse('is an invalid Date');
  const text = new Date(time).toISOString();
  if (text.length !== WIDTH) throw refuse('is a Date whose year is not of four digits, and would sort wrong as text');
  return text.slice(0, -1) + NANOS;
}

function timeOf(date: Date): number | undefined {
  try {
    return Date.prototype.getTime.call(date);
  } catch {
    return undefined;
  }
}
