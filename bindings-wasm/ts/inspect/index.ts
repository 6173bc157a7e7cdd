/**
 * A look inside a database, in a browser: `import { inspect } from 'ubiqlite/inspect'`.
 *
 * @module
 */

import type { Database } from '../api/database.js';
import { UnsupportedError } from '../browser/index.js';
import { type InspectOptions, type Inspector, show } from './inspector.js';

export { InspectElement } from './element.js';
export type { InspectOptions, Inspector } from './inspector.js';

/**
 * Shows a panel with a database of this page: its tables and views, their rows in pages, SQL, and its commits. It follows
 * the changes, whichever tab makes them.
 *
 * ```js
 * import { inspect } from 'ubiqlite/inspect';
 * const panel = inspect('app.db');
 * ```
 * Given a name, it opens that database as one more tab does. Given an open database, it uses that one: so it can show one
 * in memory. Everything that can be done with the database can be done in the panel: it is for development.
 *
 * @param database the name of a database of this origin, which must exist, or an open database
 * @throws `UbiqliteError`: `Unsupported` where there is no document; `InvalidArgument` for anything else than a name or
 * a database. What opening it throws, `ready` rejects with
 */
export function inspect(database: string | Database, options: InspectOptions = {}): Inspector {
  if (typeof document === 'undefined') throw new UnsupportedError({ kind: 'Unsupported', message: 'inspect() shows a panel in a page, and there is no document here' });
  const { parent } = options;
  const element = document.createElement('div');
  const inspector = show(element, database, options, true);
  (parent ?? document.body).append(element);
  return inspector;
}
