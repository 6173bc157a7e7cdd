//! Opens databases with options as fields of a JSON object.

use ubiqlite::ext::wire::Settings;
use ubiqlite::{Database, Error, ErrorKind, Result};

/// Opens a database. `options` is a JSON object of [`Settings`].
///
/// # Errors
/// As `ubiqlite::Options::open`; `InvalidArgument` for unknown options.
pub async fn open(path: &str, options: &str) -> Result<Database> {
    let settings: Settings = serde_json::from_str(options).map_err(|error| {
        Error::new(ErrorKind::InvalidArgument, format!("the options can't be used: {error}"))
    })?;
    settings.options()?.open(path).await
}
