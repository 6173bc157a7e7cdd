import { invalid } from '../errors.js';

/** The type of each engine option. */
const OPTIONS: Record<string, 'boolean' | 'number' | 'string'> = {
  readOnly: 'boolean',
  create: 'boolean',
  readers: 'number',
  sessions: 'number',
  busyTimeout: 'number',
  acquireTimeout: 'number',
  stallTimeout: 'number',
  foreignKeys: 'boolean',
  trustedSchema: 'boolean',
  cacheKib: 'number',
  statementCache: 'number',
  inline: 'boolean',
  leases: 'boolean',
  walLimit: 'number',
  journalMode: 'string',
  synchronous: 'string',
};

/** The options that are not for the engine, on every platform. */
const OURS = ['bigint', 'migrations', 'signal', 'timeout'];

/**
 * Returns the options that are for the engine.
 *
 * @param others the names of the platform's own options
 * @throws InvalidArgumentError that names an unknown option
 * @internal
 */
export function engineOptions(options: object, others: readonly string[] = []): object {
  const { bigint } = options as { bigint?: unknown };
  if (bigint !== undefined && typeof bigint !== 'boolean') throw invalid('the option bigint must be a boolean');
  const given = Object.entries(options).filter(([name, value]) => {
    return value !== undefined && !OURS.includes(name) && !others.includes(name);
  });
  for (const [name, value] of given) {
    const type = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
    if (type === undefined) throw invalid(`there is no option ${JSON.stringify(name)}`);
    if (typeof value !== type) throw invalid(`the option ${name} must be a ${type}`);
    if (type === 'number' && !(Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32)) {
      throw invalid(`the option ${name} must be a non-negative whole number`);
    }
  }
  return Object.fromEntries(given);
}

/** @internal */
export function checkPath(path: unknown): asserts path is string {
  if (typeof path !== 'string' || path === '') throw invalid("a database's path or name must be a non-empty string");
  if (path.includes('\0')) throw invalid('the path contains a NUL character, which no file name can contain');
}
