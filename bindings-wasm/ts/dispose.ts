// `await using` needs these symbols, which older engines lack. The helpers of bundlers
// and compilers look for the same ones.
for (const name of ['dispose', 'asyncDispose'] as const) {
  if (Symbol[name] === undefined) {
    Object.defineProperty(Symbol, name, { value: Symbol.for(`Symbol.${name}`) });
  }
}
export {};
