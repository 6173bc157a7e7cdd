/** Opens a file, with an engine if one is named, and tells which it is, or what it was told. */

import { tell, ubiqlite } from './package.mjs';

const [path, engine] = process.argv.slice(2);
try {
  const db = await ubiqlite.open(path, { engine });
  tell(db.engine);
  await db.close();
} catch (error) {
  tell(`${error.kind} ${error.name} ${error.message}`);
}
