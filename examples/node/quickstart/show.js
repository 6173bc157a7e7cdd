/**
 * What the example prints: a line a step, with the time it took.
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
 * Something that is done and timed: starts the clock.
 *
 * @param {string} what
 */
export function begin(what) {
  const begun = performance.now();
  const taken = () => performance.now() - begun;
  return {
    /** Stops it and prints the result. @param {string} result */
    end: (result) => line(what, result, human(taken())),
    /** As `end`, for something that was done so many times. @param {number} times @param {string} result */
    endEach(times, result) {
      const time = taken();
      line(what, `${result}, ${human(time / times)} each`, human(time));
    },
  };
}

/**
 * Prints something that was not timed.
 *
 * @param {string} what
 * @param {unknown} result
 */
export function note(what, result) {
  line(what, String(result), '');
}

/**
 * Prints the error of a call that has to fail, and answers it.
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

/** Lines of at most 88 characters, broken between words; a short text as it is. @param {string} text */
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

/** `12.3 µs`: three digits and a unit. @param {number} millis @returns {string} */
function human(millis) {
  if (millis >= 1000) return `${digits(millis / 1000)} s `;
  return millis < 1 ? `${digits(millis * 1000)} µs` : `${digits(millis)} ms`;
}

/** @param {number} number */
function digits(number) {
  return number.toFixed(number < 9.995 ? 2 : number < 99.95 ? 1 : 0);
}
