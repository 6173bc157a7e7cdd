// #region vue
import { onWatcherCleanup, shallowRef, watchEffect } from 'vue';

/** Follows the watch that `begin` returns, and another one when a value that it reads changes. */
export function useLive(begin) {
  const rows = shallowRef();
  const error = shallowRef();
  watchEffect(() => {
    error.value = undefined;
    onWatcherCleanup(begin().subscribe((update) => (rows.value = update.rows), (failed) => (error.value = failed)));
  });
  return { rows, error };
}
// #endregion vue
