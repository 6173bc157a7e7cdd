/** Returns the element with this id. */
export function element(id) {
  return document.getElementById(id);
}

/** Shows each result of a watched query, whichever tab made the change. */
export function live(watch, show) {
  watch.subscribe(
    ({ rows }) => show(rows),
    (error) => (element('state').textContent = `${error.kind}: ${error.message}`),
  );
}

/** Fills a list with one element per row. A row that stayed is the same object as before, and keeps its element. */
export function list(id, rows, make) {
  for (const row of rows) if (!elements.has(row)) elements.set(row, make(row));
  element(id).replaceChildren(...rows.map((row) => elements.get(row)));
}

const elements = new WeakMap();
