/**
 * What the example prints: one line per step, with the time it took.
 */

import { UbiqliteError } from 'ubiqlite';

let chapters = 0;

/**
 * Begins a chapter of the output.
 *
 * @param {string} title
 * @param {string} about
 */
export function chapter(title, about) {
  chapters += 1;
  console.log(`\n${chapters}. ${title}\n   ${about}`);
}

/**
 * Starts the clock of a timed step.
 *
 * @param {string} what
 */
export function begin(what) {
  const begun = performance.now();
  const taken = () => performance.now() - begun;
  return {
    /** Stops it and prints the result. @param {string} result */
    end: (result) => line(what, result, human(taken())),
    /** As `end`, for something that was done `times` times. @param {number} times @param {string} result */
    endEach(times, result) {
      const time = taken();
      line(what, `${result}, ${human(time / times)} each`, human(time));
    },
  };
}

/**
 * Prints something untimed.
 *
 * @param {string} what
 * @param {unknown} result
 */
export function note(what, result) {
  line(what, String(result), '');
}

/**
 * Prints the error of a call that must fail, and returns it.
 *
 * @param {string} what
 * @param {Promise<unknown>} call
 * @returns {Promise<UbiqliteError | undefined>}
 */
export async function refused(what, call) {
  try {
    await call;
  } catch (error) {
    note(what, `${error}`);
    return error instanceof UbiqliteError ? error : undefined;
  }
  note(what, 'was not refused, which is a defect');
  return undefined;
}

/** @param {number} millis @returns {Promise<void>} */
export function pause(millis) {
  return new Promise((resolve) => {
    setTimeout(resolve, millis);
  });
}

/** @param {string} what @param {string} result @param {string} time */
function line(what, result, time) {
  if (time !== '') {
    console.log(`   ${what.padEnd(29)} ${result.padEnd(66)} ${time.padStart(9)}`);
    return;
  }
  wrapped(result).forEach((part, index) => {
    console.log(`   ${(index === 0 ? what : '').padEnd(29)} ${part}`.trimEnd());
  });
}

/** Returns lines of at most 88 characters, broken between words; a short text as it is. @param {string} text */
function wrapped(text) {
  if (text.length <= 88) return [text];
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const last = lines[lines.length - 1];
    if (last !== '' && last.length + word.length < 88) lines[lines.length - 1] = `${last} ${word}`;
    else if (last === '') lines[lines.length - 1] = word;
    else lines.push(word);
  }
  return lines;
}

/** Returns three digits and a unit: `12.3 µs`. @param {number} millis @returns {string} */
function human(millis) {
  if (millis >= 1000) return `${digits(millis / 1000)} s `;
  return millis < 1 ? `${digits(millis * 1000)} µs` : `${digits(millis)} ms`;
}

/** @param {number} number */
function digits(number) {
  return number.toFixed(number < 9.995 ? 2 : number < 99.95 ? 1 : 0);
}
