//! What other tools have noted as done: their ledgers are read once, when this library makes its own.
//!
//! | tool | table | a row and a file are the same if |
//! |---|---|---|
//! | sqlx | `_sqlx_migrations` | the number is, and the SHA-384 of the text |
//! | refinery | `refinery_schema_history` | the number and the name are |
//! | drizzle | `__drizzle_migrations` | the SHA-256 of the text is |
//!
//! In wasm only drizzle's is read: the others are of native programs, and their databases are to be
//! taken over by one.

use crate::error::{Error, ErrorKind, Result};
use crate::exec::target::Target;
#[cfg(not(target_family = "wasm"))]
use crate::migrations::sha384;
use crate::migrations::{Migration, Migrations, edited, sha256};
use crate::row::Row;
use crate::sql::Params;

/// Returns the files that another tool has applied, in the order of their numbers.
///
/// # Errors
/// `SchemaTooNew` for a migration that is not among the files, unless that is allowed;
/// `InvalidArgument` for one whose file was changed, unless that is, and for one that has failed
/// there.
pub(super) async fn applied<'a>(
    target: Target<'_>,
    migrations: &'a Migrations,
) -> Result<Vec<&'a Migration>> {
    let sql = "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name IN
        ('_sqlx_migrations', 'refinery_schema_history', '__drizzle_migrations')";
    let mut found = Vec::new();
    for (table,) in target.query::<(String,)>(sql, Params::new()).await? {
        match table.as_str() {
            #[cfg(not(target_family = "wasm"))]
            "_sqlx_migrations" => sqlx(target, migrations, &mut found).await?,
            #[cfg(not(target_family = "wasm"))]
            "refinery_schema_history" => refinery(target, migrations, &mut found).await?,
            #[cfg(target_family = "wasm")]
            "_sqlx_migrations" | "refinery_schema_history" => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!(
                        "the database has migrations in {table}, which only a native engine takes over; open it with one once"
                    ),
                ));
            }
            _ => drizzle(target, migrations, &mut found).await?,
        }
    }
    found.sort_by_key(|migration| migration.number);
    found.dedup_by_key(|migration| migration.number);
    Ok(found)
}

#[cfg(not(target_family = "wasm"))]
async fn sqlx<'a>(
    target: Target<'_>,
    migrations: &'a Migrations,
    found: &mut Vec<&'a Migration>,
) -> Result<()> {
    let sql = "SELECT version, description, success, checksum FROM main._sqlx_migrations";
    for row in target.query::<Row>(sql, Params::new()).await? {
        let (number, name) = (row.get::<u64>(0)?, row.get::<&str>(1)?);
        if !row.get::<bool>(2)? {
            return Err(Error::invalid(format!(
                "sqlx has begun migration {number} ({name}) and not finished it; finish or undo it, and correct _sqlx_migrations"
            )));
        }
        let Some(file) = file(migrations, number, name, "sqlx")? else { continue };
        let checksum = row.get::<Vec<u8>>(3)?;
        let same = texts(file).iter().any(|text| sha384(text) == checksum);
        take(migrations, file, same, found)?;
    }
    Ok(())
}

#[cfg(not(target_family = "wasm"))]
async fn refinery<'a>(
    target: Target<'_>,
    migrations: &'a Migrations,
    found: &mut Vec<&'a Migration>,
) -> Result<()> {
    let sql = "SELECT version, name FROM main.refinery_schema_history";
    for row in target.query::<Row>(sql, Params::new()).await? {
        let (number, name) = (row.get::<u64>(0)?, row.get::<&str>(1)?);
        let Some(file) = file(migrations, number, name, "refinery")? else { continue };
        let own = file.name.trim_start_matches(['V', 'v']);
        let own = own.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches('_');
        if own != name {
            return Err(Error::invalid(format!(
                "refinery has applied {name} as migration {number}, and here that is {}",
                file.name
            )));
        }
        found.push(file);
    }
    Ok(())
}

async fn drizzle<'a>(
    target: Target<'_>,
    migrations: &'a Migrations,
    found: &mut Vec<&'a Migration>,
) -> Result<()> {
    // Its keys are all NULL: SQLite has no SERIAL.
    let sql = "SELECT hash, CAST(created_at AS INTEGER) FROM main.__drizzle_migrations
        ORDER BY created_at";
    for row in target.query::<Row>(sql, Params::new()).await? {
        let (hash, when) = (row.get::<&str>(0)?, row.get::<Option<i64>>(1)?);
        let same = |file: &&Migration| texts(file).iter().any(|text| sha256(text) == hash);
        let files = || migrations.files().iter();
        if let Some(file) = files().find(same) {
            found.push(file);
        } else if let Some(file) = files().find(|it| when.is_some() && it.drizzle == Some(when)) {
            take(migrations, file, false, found)?;
        } else if !migrations.allow_newer {
            return Err(unknown("drizzle", &hash.chars().take(12).collect::<String>()));
        }
    }
    Ok(())
}

/// Returns the file with this number. `None`: there is none, and that is allowed.
#[cfg(not(target_family = "wasm"))]
fn file<'a>(
    migrations: &'a Migrations,
    number: u64,
    name: &str,
    tool: &str,
) -> Result<Option<&'a Migration>> {
    match migrations.get(number) {
        None if !migrations.allow_newer => Err(unknown(tool, &format!("{number} ({name})"))),
        file => Ok(file),
    }
}

fn take<'a>(
    migrations: &Migrations,
    file: &'a Migration,
    same: bool,
    found: &mut Vec<&'a Migration>,
) -> Result<()> {
    if !same && !migrations.accept_edited {
        return Err(edited(file, None));
    }
    found.push(file);
    Ok(())
}

fn unknown(tool: &str, what: &str) -> Error {
    Error::new(
        ErrorKind::SchemaTooNew,
        format!(
            "{tool} has applied migration {what} to this database, which is not among this program's files; take it over with all files that it has"
        ),
    )
}

/// The text as a checkout on Unix has it, and one on Windows: these tools count line ends.
fn texts(file: &Migration) -> [String; 2] {
    [file.text.to_string(), file.text.replace('\n', "\r\n")]
}
