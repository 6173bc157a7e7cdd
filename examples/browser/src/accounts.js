// Accounts with transfers: both rows must exist, and nothing is half done.
import { changed, db, onChange } from './database.js';
import { element, list } from './page.js';

const accounts = db.table('accounts');
const form = element('transfer');

async function show() {
  const rows = await accounts.select().orderBy('id').all();
  list('accounts', rows, (account) => {
    const row = document.createElement('li');
    const name = document.createElement('span');
    name.textContent = account.owner;
    const balance = document.createElement('b');
    balance.textContent = account.balance.toLocaleString();
    row.append(name, balance);
    return row;
  });
  element('total').textContent = rows.reduce((sum, row) => sum + row.balance, 0).toLocaleString();
  for (const select of [form.elements.from, form.elements.to]) {
    if (select.options.length !== rows.length) {
      select.replaceChildren(...rows.map((row) => new Option(row.owner, row.id)));
    }
  }
}

form.onsubmit = async (event) => {
  event.preventDefault();
  const { from, to, amount } = Object.fromEntries(new FormData(form));
  element('transfer-error').textContent = '';
  try {
    await accounts.transfer('balance', [
      { from: Number(from), to: Number(to), amount: Number(amount) },
    ]);
    changed();
  } catch (error) {
    element('transfer-error').textContent =
      error.kind === 'CheckViolation' ? 'There is not that much.' : error.message;
  }
};

onChange(show);
await show();
form.elements.to.selectedIndex = 1;
