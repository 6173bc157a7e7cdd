/** Opens a file, with the named engine if there is one, and prints the engine or the error. */

import { tell, ubiqlite } from './package.mjs';

const [path, engine] = process.argv.slice(2);
try {
  const db = await ubiqlite.open(path, { engine });
  tell(db.engine);
  await db.close();
} catch (error) {
  tell(`${error.kind} ${error.name} ${error.message}`);
}
