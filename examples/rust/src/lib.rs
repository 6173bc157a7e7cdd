//! The examples are the folders next to this one. This crate checks that the code in the
//! README and in `docs` compiles.

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/performance.md")]
mod performance {}
