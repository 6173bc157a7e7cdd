/** Keeps a replica in the storage of a folder, and writes when it is told to: `path folder`. */

import { once } from 'node:events';

import { filesIn } from './folder-storage.mjs';
import { tell, ubiqlite } from './package.mjs';

const [path, folder] = process.argv.slice(2);
const db = await ubiqlite.open(path);
const replica = await db.replicate(filesIn(folder));
await replica.flush();
tell('stored');
await once(process.stdin, 'data');
await db.execute("INSERT INTO items (data) VALUES (x'01')");
const refused = await replica.flush().then(() => undefined, (error) => error);
tell(`${refused?.kind}: ${refused?.message}`);
tell(`ended ${(await replica.state()).ended}`);
await db.close();
process.stdin.destroy();
