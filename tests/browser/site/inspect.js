// A page with a panel, and what tests look at in it.

import { inspect } from '/pkg/inspect.js';
import '/page.js';

const LIMIT = 30_000;

/** Shows a panel; `name` absent: with the page's own database. */
window.panel = async (name, options = {}) => {
  window.inspector = inspect(name ?? window.db, options);
  window.root = () => window.inspector.element.shadowRoot;
  await window.inspector.ready;
};

/** Returns the first element that matches, and has this text if one is given. */
window.one = (selector, text) => {
  const found = [...window.root().querySelectorAll(selector)].filter((each) => each.checkVisibility());
  return text === undefined ? found[0] : found.find((each) => each.textContent === text);
};

/** Waits until the function returns something, and returns it. */
window.until = async (what, found) => {
  for (const end = performance.now() + LIMIT; performance.now() < end; ) {
    const it = found();
    if (it) return it;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`not in time: ${what}; there is: ${window.root().textContent.slice(0, 2000)}`);
};

/** Presses a button, or what else matches, once it is there and can be pressed. */
window.press = async (selector, text) => {
  (await window.until(`${selector} ${text ?? ''}`, () => {
    const it = window.one(selector, text);
    return it?.disabled === true ? undefined : it;
  })).click();
};

/** Returns the cells of the table that is shown. */
window.cells = () => [...(window.one('.grid tbody')?.rows ?? [])].map((row) => [...row.cells].map((cell) => cell.textContent));

/** Writes SQL into the box and runs it. */
window.sql = async (text, button = 'Run') => {
  await window.press('[role=tab]', 'SQL');
  (await window.until('the box', () => window.one('textarea'))).value = text;
  await window.press('button', button);
  return window.until('its end', () => {
    const said = window.one('.status')?.textContent;
    return said !== '' && said !== 'running …' && said;
  });
};
