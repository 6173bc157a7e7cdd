// Functions that run in a page. They travel as source, and their values as JSON, the
// same way for each browser, because the drivers' own protocols differ in how they
// treat dates, undefined and errors.

/** Returns the source of a function body that runs `fn` on `arg` and returns a promise of JSON. */
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

/** Decodes the JSON from a page: returns the value, or throws the error. */
export function decode(json) {
  const { value, error } = JSON.parse(json);
  if (!error) return value;
  const { name, message, stack, ...rest } = error;
  const thrown = new Error(message);
  Object.assign(thrown, rest, { name, pageStack: stack });
  throw thrown;
}
