/**
 * Drizzle ORM on this library: `drizzle(await open('app.db'), { schema })`, from `ubiqlite/drizzle`.
 *
 * @module
 */

export { drizzle, type DrizzleClient, type UbiqliteDatabase } from './database.js';
export { migrate, type MigrateConfig, type MigrationJournal } from './migrate.js';
export { UbiqliteTransaction } from './session.js';
