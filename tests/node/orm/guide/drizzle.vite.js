// A module of an app that Vite builds. tests/browser/bundlers builds and runs it.
import { open } from 'ubiqlite';
import { drizzle, migrate } from 'ubiqlite/drizzle';

import * as schema from './schema.mjs';

// #region glob
const files = import.meta.glob(['./drizzle/*.sql', './drizzle/meta/_journal.json'], { query: '?raw', eager: true, import: 'default' });
export const db = drizzle(await open('app.db'), { schema });
await migrate(db, { files });
// #endregion glob
