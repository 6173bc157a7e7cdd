// Items with a status: a table without SQL.
import { changed, db, onChange } from './database.js';
import { element, list } from './page.js';

const items = db.table('items');

async function show() {
  // Several reads of one moment: the numbers are consistent.
  await using moment = await db.snapshot();
  const [all, done, newest] = await Promise.all([
    moment.table('items').count(),
    moment.table('items').select().where('status', 'done').count(),
    moment.table('items').select().orderBy('id', 'desc').limit(8).all(),
  ]);
  element('item-count').textContent = all.toLocaleString();
  element('done-count').textContent = done.toLocaleString();
  list('items', newest, (item) => {
    const row = document.createElement('li');
    row.className = item.status;
    const name = document.createElement('span');
    name.textContent = `${item.id}: ${item.name}`;
    const toggle = document.createElement('button');
    toggle.textContent = item.status === 'done' ? 'again' : 'done';
    toggle.onclick = async () => {
      await items.update(item.id, { status: item.status === 'done' ? 'new' : 'done' });
      changed();
    };
    row.append(name, toggle);
    return row;
  });
}

element('add-item').onsubmit = async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  await items.insert({ name: new FormData(form).get('name') });
  form.reset();
  changed();
};

element('add-many').onclick = async () => {
  const rows = Array.from({ length: 10_000 }, (_, index) => ({ name: `item ${index}` }));
  await items.insertMany(rows);
  changed();
};

element('clear-items').onclick = async () => {
  await db.execute('DELETE FROM items');
  changed();
};

onChange(show);
await show();
