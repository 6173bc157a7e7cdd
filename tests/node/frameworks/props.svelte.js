/** Returns the properties as ones that a component follows. */
export function reactive(properties) {
  const followed = $state(properties);
  return followed;
}
