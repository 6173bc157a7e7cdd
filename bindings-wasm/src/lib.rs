//! The core for the npm package, browser and Node: compiled to wasm32 and
//! called by the TypeScript in `bindings-wasm/ts`.

pub mod probe;
