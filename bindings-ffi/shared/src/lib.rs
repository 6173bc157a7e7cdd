//! What the native bindings have in common: requests continue without an executor ([`Driver`]), and
//! databases are opened with options as other languages pass them.

mod driver;
mod open;
pub mod remote;

pub use driver::{Bell, Driver, DriverHost};
pub use open::{deserialize, open};
