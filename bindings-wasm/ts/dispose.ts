// `await using` needs this symbol, which older engines do not have: a bundler's or
// compiler's helper then looks for the same one.
for (const name of ['dispose', 'asyncDispose'] as const) {
  if (Symbol[name] === undefined) {
    Object.defineProperty(Symbol, name, { value: Symbol.for(`Symbol.${name}`) });
  }
}
export {};
