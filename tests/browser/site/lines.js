// Calls that fail, each on a line that its error must name.
import { open } from '/pkg/browser.js';

const here = () => Number(/:(\d+):\d+\)?$/.exec(new Error().stack.split('\n')[2])[1]);

window.failing = async () => {
  const db = await open(':memory:');
  const told = [];
  try { await db.query('SELECT nope'); } catch (error) { told.push([error.stack, error.sql, here()]); }
  try { await db.table('t').insert({ a: 1 }); } catch (error) { told.push([error.stack, error.sql, here()]); }
  try { for await (const row of db.stream('SELECT nope')) void row; } catch (error) { told.push([error.stack, error.sql, here()]); }
  try { await db.transaction((tx) => tx.execute('SELEC 1')); } catch (error) { told.push([error.stack, error.sql, here()]); }
  await db.close();
  return told;
};
