/** The element of this id. */
export function element(id) {
  return document.getElementById(id);
}

/** Fills a list with a row for each thing. */
export function list(id, things, row) {
  element(id).replaceChildren(...things.map(row));
}
