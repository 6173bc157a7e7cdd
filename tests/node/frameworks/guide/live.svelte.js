// #region svelte
/** Follows the watch that `begin` returns, and another one when a value that it reads changes. */
export function live(begin) {
  let rows = $state.raw();
  let error = $state.raw();
  $effect(() => {
    error = undefined;
    return begin().subscribe((update) => (rows = update.rows), (failed) => (error = failed));
  });
  return { get rows() { return rows; }, get error() { return error; } };
}
// #endregion svelte
