//! The examples are the folders beside this one.
