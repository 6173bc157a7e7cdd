// Accounts with transfers: both rows must exist, and nothing is half done.
import { db } from './database.js';
import { element, list, live } from './page.js';

const accounts = db.table('accounts');
const form = element('transfer');

live(accounts.select().orderBy('id').watch(), (rows) => {
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
  const { from, to } = form.elements;
  if (from.options.length === rows.length) return;
  for (const select of [from, to]) select.replaceChildren(...rows.map((row) => new Option(row.owner, row.id)));
  to.selectedIndex = 1;
});

form.onsubmit = async (event) => {
  event.preventDefault();
  const { from, to, amount } = Object.fromEntries(new FormData(form));
  element('transfer-error').textContent = '';
  try {
    await accounts.transfer('balance', [
      { from: Number(from), to: Number(to), amount: Number(amount) },
    ]);
  } catch (error) {
    element('transfer-error').textContent =
      error.kind === 'CheckViolation' ? 'There is not that much.' : error.message;
  }
};
