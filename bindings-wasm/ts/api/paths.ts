import { errorOf, invalid } from '../errors.js';
import { aKindOf, tagOf } from '../wire/kinds.js';

/** Makes paths of this platform absolute; set by its entry point, if it has any. */
export const paths: { resolve: ((path: string | URL) => string) | undefined } = { resolve: undefined };

/** Whether it names a file, rather than being its content. */
export function isPath(value: unknown): value is string | URL {
  return typeof value === 'string' || value instanceof URL || tagOf(value) === '[object URL]';
}

/** Returns the absolute path. @throws InvalidArgumentError; `Unsupported` where there are no paths, which says what to do `instead` */
export function resolved(path: unknown, instead: string): string {
  if (!isPath(path)) throw invalid(`a path must be a string or a file URL, not ${aKindOf(path)}`);
  if (path === '') throw invalid('a path must not be empty');
  const { resolve } = paths;
  if (resolve === undefined) throw errorOf({ kind: 'Unsupported', message: `there are no paths here: ${instead}` });
  return resolve(path);
}
