import { UbiqliteError, errorOf } from '../errors.js';
import { cancelled, limitOf } from './timeouts.js';
import { type CallOptions, checkOptions } from './options.js';
import { onAbort } from './signals.js';

/**
 * Opens something, unless it is aborted or takes too long.
 *
 * @throws what `open` throws, and the errors that the options cause
 */
export async function inTime(open: () => Promise<void>, options: CallOptions): Promise<void> {
  checkOptions(options);
  const { signal, timeout } = options;
  const limit = limitOf(timeout);
  if (signal?.aborted) throw cancelled(signal, 'opening the database was aborted');
  let unlisten: (() => void) | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const aborted = new Promise<never>((_, reject) => {
    if (signal) unlisten = onAbort(signal, () => reject(cancelled(signal, 'opening the database was aborted')));
    const late = (): void => reject(errorOf({ kind: 'Timeout', message: `the database did not open within ${limit} ms` }));
    if (limit !== undefined) timer = setTimeout(late, limit);
  });
  try {
    await Promise.race([open(), aborted]);
  } finally {
    clearTimeout(timer);
    unlisten?.();
  }
}

/** Adds the database's path to an error of opening it, unless it has one. */
export function ofPath(error: unknown, path: string): unknown {
  if (error instanceof UbiqliteError && error.path === undefined) Object.defineProperty(error, 'path', { value: path, enumerable: true });
  return error;
}
