/**
 * Keeps replicas of the database up to date, in a folder and in a storage of its own, waits for
 * what it has written, and then has nothing more to do. It closes nothing.
 */

import { pathToFileURL } from 'node:url';

const { open } = await import(pathToFileURL(process.env.UBIQLITE_PACKAGE).href);
const [path] = process.argv.slice(2);
const files = new Map();
const storage = {
  put: async (name, content) => void files.set(name, await new Response(content).arrayBuffer()),
  list: () => files.keys(),
  get: (name) => files.get(name),
  remove: (name) => void files.delete(name),
};
const db = await open(path);
const replicas = [await db.replicate(`${path}.replica`), await db.replicate(storage)];
await db.batch('CREATE TABLE items (id); INSERT INTO items VALUES (1)');
// Nothing else keeps the process alive meanwhile.
for (const replica of replicas) await replica.flush();
console.log('stored');
