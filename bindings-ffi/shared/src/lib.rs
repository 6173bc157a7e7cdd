//! What the native bindings have in common: requests go on without an executor
//! ([`Driver`]), and databases are opened with options as other languages give them.

mod driver;
mod open;

pub use driver::{Bell, Driver, Hosted};
pub use open::open;
