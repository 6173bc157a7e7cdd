// Processes and folders that are removed when they are no longer needed, even if
// this process is killed in the meantime.

import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { kill } from 'node:process';

// The shell leads its own process group, and holds a pipe from this process: when
// the pipe ends, for whatever reason, it ends the group.
const KEEPER = `
  "$@" </dev/null 3<&- &
  child=$!
  ( while read -r _; do :; done <&3; kill -TERM $child; sleep 0.3; kill -KILL -$$ ) 2>/dev/null &
  wait $child
`;

/**
 * Starts a program that ends with `end()` or with this process.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {{ env?: Record<string, string>, extra?: 'pipe' }} [options] `extra`
 *   gives the program a fourth file descriptor to write to
 */
export function start(program, args, options = {}) {
  const child = spawn('sh', ['-c', KEEPER, 'sh', program, ...args], {
    detached: true,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const lines = [];
  const waiting = new Set();
  for (const stream of [child.stdout, child.stderr]) eachLine(stream, take);
  const ended = new Promise((done) => child.once('close', done));
  ended.then(() => waiting.forEach((wait) => wait.over()));

  function take(line) {
    lines.push(line);
    waiting.forEach((wait) => wait.see(line));
  }

  return {
    /** The lines that it wrote. */
    lines,
    /** Returns the match of `pattern` in a line that it wrote or will write. */
    line(pattern, seconds = 30) {
      return new Promise((done, failed) => {
        const wait = { see, over: () => stop(failed, `${program} ended`) };
        const timer = setTimeout(
          () => stop(failed, `${program} did not write ${pattern} within ${seconds} s`),
          seconds * 1000,
        );
        waiting.add(wait);
        lines.forEach(see);

        function see(line) {
          const match = pattern.exec(line);
          if (match) stop(done, match);
        }
        function stop(settle, value) {
          clearTimeout(timer);
          waiting.delete(wait);
          const told = () => new Error(`${value}; it wrote:\n${lines.slice(-20).join('\n')}`);
          settle(settle === failed ? told() : value);
        }
      });
    },
    /** Ends it and everything that it started. */
    async end() {
      child.stdio[3].destroy();
      await ended;
    },
  };
}

function eachLine(stream, take) {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    lines.forEach(take);
  });
  stream.on('end', () => rest && take(rest));
}

/** Returns the first of `names` that is a program on the PATH. */
export function find(...names) {
  for (const name of names) {
    for (const dir of (process.env.PATH ?? '').split(delimiter)) {
      const path = join(dir, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not there.
      }
    }
  }
  throw new Error(`${names.join(' or ')} is missing: run \`cargo xtask setup browser\``);
}

/** Returns a profile folder: the given one, which stays, or a new one that `remove` deletes. */
export async function profile(dir) {
  if (dir) {
    await mkdir(dir, { recursive: true });
    return { dir, remove: async () => {} };
  }
  const made = await mkdtemp(join(tmpdir(), 'ubiqlite-browser-'));
  // A process that is just ending may still write to it.
  return { dir: made, remove: () => rm(made, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }) };
}

/** Runs all of `ends` in order, and throws what the first failing one threw. */
export async function endAll(...ends) {
  let failure;
  for (const end of ends) {
    try {
      await end();
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure) throw failure;
}

/** Returns `promise`, or an error if it takes longer than `seconds`. */
export function within(seconds, what, promise) {
  let timer;
  const late = new Promise((_, failed) => {
    timer = setTimeout(() => failed(new Error(`${what} took longer than ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Resolves when no process has this id any more. */
export async function gone(pid) {
  for (;;) {
    try {
      kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((done) => setTimeout(done, 5));
  }
}
