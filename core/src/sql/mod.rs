//! SQL text: identifiers, parameters, records, and what a statement is.

mod blanks;
mod cell;
mod fields;
mod ident;
mod params;
mod record;
mod summary;

#[cfg(not(target_family = "wasm"))]
pub(crate) use blanks::acts_when_compiled;
pub(crate) use blanks::{first_word, is_change, is_schema_change, skip_blanks};
pub(crate) use ident::quote_into;
pub use params::Params;
pub use record::Record;
pub(crate) use summary::summary;
