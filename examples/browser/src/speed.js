// How long calls from this tab take, whichever tab the engine runs in.
import { db } from './database.js';
import { element } from './page.js';

const works = [
  ['a point read, awaited', 1, 500, (id) => db.table('items').get(id)],
  ['a point read, 64 at once', 64, 6_400, (id) => db.table('items').get(id)],
  ['a durable insert, awaited', 1, 50, () => db.table('items').insert({ name: 'measured' })],
  ['a durable insert, 64 at once', 64, 1_280, () => db.table('items').insert({ name: 'measured' })],
];

async function measure(atOnce, count, work) {
  const start = performance.now();
  for (let done = 0; done < count; done += atOnce) {
    await Promise.all(Array.from({ length: atOnce }, (_, index) => work(done + index + 1)));
  }
  return ((performance.now() - start) * 1000) / count;
}

element('measure').onclick = async () => {
  element('speed').replaceChildren();
  for (const [name, atOnce, count, work] of works) {
    const micros = await measure(atOnce, count, work);
    const row = document.createElement('tr');
    for (const text of [name, `${micros.toFixed(1)} µs`]) {
      row.insertCell().textContent = text;
    }
    element('speed').append(row);
  }
};
