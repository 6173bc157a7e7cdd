// Items with a status: a table without SQL, shown by live queries.
import { db } from './database.js';
import { element, list, live } from './page.js';

const items = db.table('items');

live(db.watch("SELECT count(*) AS items, count(*) FILTER (WHERE status = 'done') AS done FROM items"), ([count]) => {
  element('item-count').textContent = count.items.toLocaleString();
  element('done-count').textContent = count.done.toLocaleString();
});

live(items.select().orderBy('id', 'desc').limit(8).watch(), (newest) => {
  list('items', newest, (item) => {
    const row = document.createElement('li');
    row.className = item.status;
    const name = document.createElement('span');
    name.textContent = `${item.id}: ${item.name}`;
    const toggle = document.createElement('button');
    toggle.textContent = item.status === 'done' ? 'again' : 'done';
    toggle.onclick = () => items.update(item.id, { status: item.status === 'done' ? 'new' : 'done' });
    row.append(name, toggle);
    return row;
  });
});

element('add-item').onsubmit = async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  await items.insert({ name: new FormData(form).get('name') });
  form.reset();
};

element('add-many').onclick = async () => {
  const rows = Array.from({ length: 10_000 }, (_, index) => ({ name: `item ${index}` }));
  await items.insertMany(rows);
};

element('clear-items').onclick = () => db.execute('DELETE FROM items');
