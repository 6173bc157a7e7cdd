//! The project-wide tests are in the folders next to `src`.
