import { failure } from './failure.js';

/** The `path` that keeps a database in memory. */
export const MEMORY = ':memory:';

/** The longest directory name that every file system under an OPFS accepts, in bytes. */
const LONGEST = 240;

/**
 * Returns the name of the directory that holds the database `name`. It is reversible, and
 * uses only characters that no file system folds or refuses: some browsers keep OPFS
 * entries on the disk under their own names, where `App.db` and `app.db`, or two encodings
 * of `é`, would be one file. Internal entries begin with a dot, so a database's directory
 * never does.
 *
 * @throws an `InvalidArgument` that says what is wrong with the name
 */
export function directoryName(name: string): string {
  checkName(name);
  let escaped = '';
  for (const byte of new TextEncoder().encode(name)) {
    const plain =
      (byte >= 0x61 && byte <= 0x7a) || // a-z
      (byte >= 0x30 && byte <= 0x39) || // 0-9
      byte === 0x5f || // _
      byte === 0x2d || // -
      (byte === 0x2e && escaped !== ''); // . but not at the start
    escaped += plain ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`;
  }
  if (escaped.length > LONGEST) throw invalid(name, 'is too long');
  return escaped;
}

/** Returns the database that the directory `escaped` holds, or `undefined` if it is not one of ours. */
export function databaseName(escaped: string): string | undefined {
  try {
    const name = decodeURIComponent(escaped);
    return directoryName(name) === escaped ? name : undefined;
  } catch {
    return undefined;
  }
}

function checkName(name: unknown): asserts name is string {
  if (typeof name !== 'string') throw invalid(String(name), 'is not a string');
  if (name === '') throw invalid(name, 'is empty');
  if (name === '.' || name === '..') throw invalid(name, 'is a relative path');
  if (name.startsWith(':') || name.startsWith('file:')) throw invalid(name, 'looks like an address');
  if (/[/\\]/.test(name)) throw invalid(name, 'contains a slash; databases in a browser have no folders');
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f-\u009f]/.test(name)) throw invalid(name, 'contains a control character');
  if (/^\s|\s$/.test(name)) throw invalid(name, 'begins or ends with a space');
  if (/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(name)) {
    throw invalid(name, 'contains half a character (a lone surrogate)');
  }
}

function invalid(name: string, why: string): Error {
  return failure('InvalidArgument', `the database name ${JSON.stringify(name)} ${why}`);
}
