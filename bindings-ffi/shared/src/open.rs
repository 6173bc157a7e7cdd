//! Opens databases with options as fields of a JSON object.

use ubiqlite::ext::wire::Settings;
use ubiqlite::{Database, Error, ErrorKind, Result};

/// Opens a database. `options` is a JSON object of [`Settings`].
///
/// # Errors
/// As `ubiqlite::Options::open`; `InvalidArgument` for unknown options.
pub async fn open(path: &str, options: &str) -> Result<Database> {
    settings(options)?.options()?.open(path).await
}

/// Opens a database in memory with the content of these bytes, which are those of a database file.
/// `options` is a JSON object of [`Settings`].
///
/// # Errors
/// As `ubiqlite::Options::deserialize`; `InvalidArgument` for unknown options.
pub async fn deserialize(bytes: Vec<u8>, options: &str) -> Result<Database> {
    settings(options)?.options()?.deserialize(bytes).await
}

pub(crate) fn settings(options: &str) -> Result<Settings> {
    serde_json::from_str(options).map_err(|error| {
        Error::new(ErrorKind::InvalidArgument, format!("the options can't be used: {error}"))
    })
}
