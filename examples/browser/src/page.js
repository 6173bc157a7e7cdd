/** Returns the element with this id. */
export function element(id) {
  return document.getElementById(id);
}

/** Fills a list with one row per thing. */
export function list(id, things, row) {
  element(id).replaceChildren(...things.map(row));
}
