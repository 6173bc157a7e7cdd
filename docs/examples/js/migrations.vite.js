// The guide's page about migrations: a module of an app that Vite builds. tests/browser/bundlers builds and runs it.
import { open } from 'ubiqlite';

// #region glob
const migrations = import.meta.glob('./migrations/*.sql', { query: '?raw', eager: true, import: 'default' });
export const db = await open('app.db', { migrations });
// #endregion glob
