//! SQL text: identifiers, parameters, records, and what a statement is.

mod cell;
mod fields;
mod ident;
mod json;
mod keyword;
mod params;
mod record;

pub(crate) use ident::quote_into;
pub(crate) use json::json_text;
pub(crate) use keyword::{Class, classify, ends_by_rollback, inserts, skip_blanks};
pub use params::Params;
pub use record::Record;
