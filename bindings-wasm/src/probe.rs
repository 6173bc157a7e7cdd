//! One call that needs all of the core, until the real exports are here.

use ubiqlite::Database;
use wasm_bindgen::prelude::*;

/// What SQLite answers to one query in a database in memory.
///
/// # Errors
///
/// The message of whatever fails.
#[wasm_bindgen]
pub async fn probe(sql: String) -> Result<String, JsError> {
    let database = Database::open(":memory:").await?;
    let value: String = database.query_value(&sql, ()).await?;
    database.close().await?;
    Ok(value)
}
