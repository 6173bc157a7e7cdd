//! A scenario's directory and databases.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value as Json};
use ubiqlite::{Batch, Database, JournalMode, Options, Synchronous};

use super::call::Call;
use super::check::Outcome;
use super::data::{Data, Names};
use super::handles::on_database;
use super::migrate;
use super::replicate;
use super::scope::{Exit, Scope};

/// A scenario's directory and databases.
pub(crate) struct World {
    dir: PathBuf,
    /// Whether databases are opened on the backend without threads.
    single_thread: bool,
    databases: RefCell<HashMap<String, Database>>,
}

impl World {
    pub(crate) fn new(dir: &Path, single_thread: bool) -> Self {
        Self { dir: dir.to_owned(), single_thread, databases: RefCell::default() }
    }

    /// Opens the database that the scenario begins with, and runs its setup SQL.
    pub(crate) async fn prepare(
        &self,
        open: Option<&Json>,
        setup: &[String],
    ) -> Result<(), String> {
        let (path, options) = match open {
            Some(Json::Bool(false)) => return Ok(()),
            None => ("app.db", None),
            Some(Json::String(path)) => (path.as_str(), None),
            Some(open) => (open["path"].as_str().unwrap_or("app.db"), open.get("options")),
        };
        let db = self.open(path, options).await?.map_err(|error| format!("open: {error:?}"))?;
        if !setup.is_empty() {
            let batch: Batch = setup.iter().map(|sql| (sql.as_str(), ())).collect();
            db.batch(batch).await.map_err(|error| format!("setup: {error:?}"))?;
        }
        self.databases.borrow_mut().insert("db".to_owned(), db);
        Ok(())
    }

    async fn open(
        &self,
        path: &str,
        options: Option<&Json>,
    ) -> Result<ubiqlite::Result<Database>, String> {
        let migrations = options.and_then(|json| json["migrations"].as_object());
        let mut options = match options {
            Some(json) => read_options(json)?,
            None => Database::options(),
        };
        if let Some(fields) = migrations {
            options = match migrate::read(fields)? {
                Ok(migrations) => options.migrations(migrations),
                Err(error) => return Ok(Err(error)),
            };
        }
        let path = if path == ":memory:" { PathBuf::from(path) } else { self.dir.join(path) };
        if self.single_thread {
            return Ok(options.open_single_thread_migrated(path).await);
        }
        Ok(options.open(path).await)
    }

    /// Makes a call on a database.
    pub(crate) async fn call(&self, call: &Call<'_>, rest: Scope<'_>) -> Result<Outcome, Exit> {
        if call.method == "open" {
            let opened = self.open(&call.text("path")?, call.json("options")).await?;
            return Ok(opened.map(|db| {
                self.databases.borrow_mut().insert(call.name().to_owned(), db);
                Data::Null
            }));
        }
        if call.method == "restore_replica" {
            let from = self.dir.join(call.text("replica")?);
            return replicate::restore(call, &from, &self.dir.join(call.text("path")?)).await;
        }
        let known = self.databases.borrow().get(call.on()).cloned();
        let mut db = known.ok_or_else(|| format!("no handle has the name {:?}", call.on()))?;
        if let Some(limit) = call.millis("timeout")? {
            db = db.timeout(limit);
        }
        if call.method == "recover" {
            let saved = db.recover(self.dir.join(call.text("path")?)).await;
            return Ok(saved.map(|saved| recovered(&saved)));
        }
        on_database(&db, call, rest).await
    }

    /// Returns the path of a file of the scenario.
    pub(crate) fn locate(&self, path: &str) -> PathBuf {
        self.dir.join(path)
    }

    /// Closes all databases that are still open.
    pub(crate) async fn close(&self) -> Result<(), String> {
        let databases: Vec<_> = self.databases.borrow_mut().drain().collect();
        for (name, db) in databases {
            db.close().await.map_err(|error| format!("closing {name}: {error:?}"))?;
        }
        Ok(())
    }

    /// Creates a file or a directory.
    pub(crate) fn make(&self, file: &str, step: &Map<String, Json>) -> Result<(), String> {
        let path = self.dir.join(file);
        if step.contains_key("directory") {
            return std::fs::create_dir(path).map_err(|error| error.to_string());
        }
        let bytes = |key: &str| match step.get(key).map(|json| Data::read(json, &Names::new())) {
            Some(Ok(Data::Blob(bytes))) => Ok(Some(bytes)),
            Some(Ok(Data::Text(text))) => Ok(Some(text.into_bytes())),
            Some(other) => Err(format!("{other:?} is no content of a file")),
            None => Ok(None),
        };
        let number = |key: &str| step.get(key).and_then(Json::as_u64).unwrap_or(0) as usize;
        let content = match step.get("copy").and_then(Json::as_str) {
            None => bytes("text")?.or(bytes("bytes")?).unwrap_or_default(),
            Some(original) => {
                let read = std::fs::read(self.dir.join(original));
                let mut content = read.map_err(|error| format!("{original}: {error}"))?;
                if step.contains_key("keep") {
                    content.truncate(number("keep"));
                }
                if let Some(bytes) = bytes("bytes")? {
                    let at = number("at");
                    let place = content.get_mut(at..at + bytes.len());
                    place
                        .ok_or("the copy is too short to be overwritten there")?
                        .copy_from_slice(&bytes);
                }
                content
            }
        };
        std::fs::write(path, content).map_err(|error| error.to_string())
    }
}

fn read_options(json: &Json) -> Result<Options, String> {
    let fields = json.as_object().ok_or_else(|| format!("{json} are no options"))?;
    let mut options = Database::options();
    for (name, value) in fields {
        let number = || value.as_u64().ok_or_else(|| format!("{name} is no number: {value}"));
        let millis = || number().map(Duration::from_millis);
        let count = || number().map(|number| number as usize);
        let yes = || value.as_bool().ok_or_else(|| format!("{name} is no boolean: {value}"));
        options = match name.as_str() {
            "read_only" => options.read_only(yes()?),
            "create" => options.create(yes()?),
            "readers" => options.readers(count()?),
            "sessions" => options.sessions(count()?),
            "busy_timeout" => options.busy_timeout(millis()?),
            "acquire_timeout" => options.acquire_timeout(millis()?),
            "stall_timeout" => options.stall_timeout(millis()?),
            "foreign_keys" => options.foreign_keys(yes()?),
            "trusted_schema" => options.trusted_schema(yes()?),
            "cache_kib" => options.cache_kib(number()? as u32),
            "statement_cache" => options.statement_cache(count()?),
            "inline" => options.inline(yes()?),
            "leases" => options.leases(yes()?),
            "wal_limit" => options.wal_limit(number()?),
            // They may be wrong, which is an error of the library.
            "migrations" if value.is_object() => options,
            "journal_mode" => options.journal_mode(match value.as_str() {
                Some("wal") => JournalMode::Wal,
                Some("delete") => JournalMode::Delete,
                Some("truncate") => JournalMode::Truncate,
                Some("persist") => JournalMode::Persist,
                Some("memory") => JournalMode::Memory,
                _ => return Err(format!("{value} is no journal mode")),
            }),
            "synchronous" => options.synchronous(match value.as_str() {
                Some("off") => Synchronous::Off,
                Some("normal") => Synchronous::Normal,
                Some("full") => Synchronous::Full,
                Some("extra") => Synchronous::Extra,
                _ => return Err(format!("{value} is no synchronous mode")),
            }),
            other => return Err(format!("there is no option {other:?}")),
        };
    }
    Ok(options)
}

fn recovered(saved: &ubiqlite::Recovered) -> Data {
    let table =
        |(name, rows): &(String, u64)| Data::List(vec![Data::Text(name.clone()), (*rows).into()]);
    Data::Map(vec![
        ("tables".to_owned(), Data::List(saved.tables.iter().map(table).collect())),
        ("lost_and_found".to_owned(), saved.lost_and_found.into()),
    ])
}
