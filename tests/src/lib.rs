//! The project-wide tests live in the folders beside this file.
