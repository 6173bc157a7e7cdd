//! Room for the npm package (browser and Node): the core compiled to wasm32. Nothing here yet.
