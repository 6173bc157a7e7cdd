import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';
import { systemCode } from './failure.js';

/** The holder of a lock, as named in its file. */
export interface Holder {
  /** Distinguishes this lock from every other one, ever. */
  token: string;
  pid: number;
  host: string;
  /** When it was taken, in ISO 8601. */
  since: string;
  /** The thread within the process. */
  thread: number;
  /** The machine: host names are easily used twice. */
  machine?: string;
  /** The boot of the machine's system: no process outlives it. */
  boot?: string;
  /** The numbering of processes that `pid` belongs to: containers have their own. */
  space?: string;
  /** When the process began, in the system's ticks: a `pid` is reused, but never twice at the same time. */
  began?: string;
  /** Whether it gives a sign of life: see `life.ts`. */
  sign?: true | undefined;
  /** The engine that has it open, if not the wasm one. */
  engine?: 'native';
}

/** How much a clock of whole seconds may differ from ours. */
const SLACK = 2000;

/** Returns this process and thread as the holder of a lock. */
export function thisHolder(token: string): Holder {
  return {
    token,
    pid: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    thread: threadId,
    machine: said('/etc/machine-id'),
    boot: said('/proc/sys/kernel/random/boot_id'),
    space: linked('/proc/self/ns/pid'),
    began: statusOf('self')?.began,
  };
}

/** Returns the holder that a lock's file names, if it is a valid one. */
export function parseHolder(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Holder;
    const whole =
      typeof holder.token === 'string' && /^[\w-]+$/.test(holder.token) && Number.isInteger(holder.pid) && holder.pid > 0;
    return whole && typeof holder.host === 'string' && typeof holder.since === 'string' ? holder : undefined;
  } catch {
    return undefined;
  }
}

/** Whether it can be determined from here if the holder's process is alive. */
export function isNear(holder: Holder, me: Holder): boolean {
  return holder.host === me.host && holder.machine === me.machine;
}

/** Whether the process that made the lock is this one. */
export function isThisProcess(holder: Holder, me: Holder): boolean {
  return (
    isNear(holder, me) &&
    holder.pid === me.pid &&
    holder.boot === me.boot &&
    holder.space === me.space &&
    holder.began === me.began
  );
}

/** Whether the holder has certainly ended. `path` is the lock that it held. */
export function isGone(holder: Holder, me: Holder, path: string): boolean {
  if (!isNear(holder, me)) return false;
  if (holder.boot !== me.boot) return holder.boot !== undefined && me.boot !== undefined;
  // A process of another container: its number means nothing here.
  if (holder.space !== me.space) return false;
  if (isThisProcess(holder, me)) return isOfPredecessor(holder) || isLeftByThread(path);
  if (!isRunning(holder.pid)) return true;
  if (holder.began !== undefined) {
    const status = statusOf(String(holder.pid));
    // Perhaps hidden from us, but running.
    if (status === undefined) return !isRunning(holder.pid);
    return status.ended || status.began !== holder.began;
  }
  return isYounger(holder.pid, Date.parse(holder.since));
}

/** Returns what Linux reports of a process: its state and when it began. */
function statusOf(pid: string): { ended: boolean; began: string } | undefined {
  const text = said(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The second field is the program's name, which can contain anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  // A zombie has released everything that it held.
  return { ended: 'ZXx'.includes(fields[0]), began: fields[19] };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}

/** Whether a process began after a moment, on systems where only `ps` knows. */
function isYounger(pid: number, moment: number): boolean {
  if (process.platform === 'win32') return false;
  try {
    const told = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return Date.parse(told.trim()) > moment + SLACK;
  } catch {
    return false;
  }
}

/** Whether a lock with our process number is older than this process, on systems without ticks. */
function isOfPredecessor(holder: Holder): boolean {
  const began = Date.now() - process.uptime() * 1000;
  return holder.began === undefined && Date.parse(holder.since) < began - SLACK;
}

/**
 * Whether a lock of this process no longer belongs to any thread. A terminated thread
 * leaves its lock behind, but not its open files, and the holder of a lock has the lock
 * file open. Only Linux reports what is open.
 */
function isLeftByThread(path: string): boolean {
  try {
    const lock = fs.statSync(path, { bigint: true });
    for (const file of fs.readdirSync('/proc/self/fd')) {
      const open = isOpen(Number(file));
      if (open !== undefined && open.ino === lock.ino && open.dev === lock.dev) return false;
    }
    return true;
  } catch {
    return false;
  }
}

function isOpen(file: number): fs.BigIntStats | undefined {
  try {
    return fs.fstatSync(file, { bigint: true });
  } catch {
    // Closed in the meantime, such as the descriptor of the listing itself.
    return undefined;
  }
}

function said(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

function linked(file: string): string | undefined {
  try {
    return fs.readlinkSync(file);
  } catch {
    return undefined;
  }
}
