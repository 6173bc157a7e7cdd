/** Another process with the same collection: adds the items that its input names, and tells what others add. */

import { createInterface } from 'node:readline';

import { open } from 'ubiqlite';

import { add, todosOf, watchTexts } from '../guide/tanstack.mjs';

const db = await open(process.argv[2]);
const todos = todosOf(db);
watchTexts(todos, (texts) => console.log(`texts ${texts.join()}`));
for await (const line of createInterface({ input: process.stdin })) {
  await add(todos, line, line);
  console.log(`added ${line}`);
}
await todos.cleanup();
await db.close();
