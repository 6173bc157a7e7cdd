/**
 * Drizzle ORM on this library: `drizzle(await open('app.db'), { schema })`, from `ubiqlite/drizzle`.
 *
 * @module
 */

export { drizzle, type DrizzleClient, type UbiqliteDatabase, type WithClient } from './database.js';
export { migrate, type MigrateConfig, type MigrationJournal, type MigrationSource } from './migrate.js';
export { UbiqliteTransaction } from './session.js';
