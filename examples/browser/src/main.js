import { element } from './page.js';

try {
  await import('./database.js');
  await Promise.all([import('./items.js'), import('./accounts.js'), import('./speed.js'), import('./file.js')]);
  element('state').textContent = 'open';
} catch (error) {
  // The error says what is missing: a secure context, storage, …
  element('state').textContent = `${error.kind ?? error.name}: ${error.message}`;
}
