// The smallest app that shows that a build works: it opens a database, writes,
// reads back, and says how often it has been visited.

import { open } from 'ubiqlite';

async function visit() {
  const db = await open('visits.db');
  await db.batch('CREATE TABLE IF NOT EXISTS visits (id INTEGER PRIMARY KEY, place TEXT)');
  await db.table('visits').insert({ place: 'here' });
  const visits = await db.query('SELECT id, place FROM visits ORDER BY id');
  await db.close();
  return visits.map(({ id, place }) => `${id} ${place}`).join(', ');
}

visit().then(tell, (error) => tell(`${error.name}: ${error.message}`));

function tell(text) {
  document.getElementById('result').textContent = text;
}
