//! The examples are the folders beside this one; here the code in the README and in
//! `docs` is held to compile.

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/performance.md")]
mod performance {}
