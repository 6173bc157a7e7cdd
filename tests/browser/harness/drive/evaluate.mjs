// Functions that run in a page. They travel as source and their values as JSON,
// the same way for each browser: what the drivers' own protocols make of dates,
// undefined and errors differs.

/** Source of a function body that runs `fn` on `arg` and returns a promise of JSON. */
export function source(fn, arg) {
  return `
    const encode = (error) => ({
      name: String(error?.name ?? 'Error'),
      message: String(error?.message ?? error),
      kind: error?.kind,
      code: error?.code,
      stack: error?.stack && String(error.stack),
    });
    return (async () => (${fn})(${arg === undefined ? '' : JSON.stringify(arg)}))().then(
      (value) => JSON.stringify({ value }),
      (error) => JSON.stringify({ error: encode(error) }),
    );`;
}

/** What the JSON from a page says: the value, or the error thrown. */
export function decode(json) {
  const { value, error } = JSON.parse(json);
  if (!error) return value;
  const { name, message, stack, ...rest } = error;
  const thrown = new Error(message);
  Object.assign(thrown, rest, { name, pageStack: stack });
  throw thrown;
}
