//! The examples are the folders beside this one; here the code in the README is
//! held to compile.

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}
