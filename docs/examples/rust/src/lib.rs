//! The guide's programs in Rust are the tests in the folder beside this file: `docs/guide` shows
//! their regions.
