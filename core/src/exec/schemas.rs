//! What is remembered about tables: their columns and keys.

use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// The columns and the key of a table, at one version of the schema.
#[derive(Debug)]
pub(crate) struct Schema {
    /// `PRAGMA schema_version` when it was read.
    pub(crate) version: i64,
    pub(crate) table: String,
    pub(crate) quoted: String,
    pub(crate) columns: Vec<String>,
    /// The names of the key's columns; the rowid's for a table without a key; none
    /// for a view.
    pub(crate) key: Vec<String>,
    /// The key is the rowid, or an alias of it.
    pub(crate) rowid: bool,
    /// The key was declared.
    pub(crate) declared: bool,
    /// A view: its triggers decide what an insert does, and no change is counted.
    pub(crate) view: bool,
    /// A virtual table: its module decides what a change does, and no change returns rows.
    pub(crate) foreign: bool,
    pub(crate) get: String,
    pub(crate) delete: String,
}

/// The schemas of the tables used so far.
#[derive(Debug)]
pub(crate) struct Schemas {
    known: Option<Mutex<HashMap<String, Arc<Schema>, FixedState>>>,
}

impl Schemas {
    /// For a whole database. Schemas read under uncommitted schema changes never
    /// get here.
    pub(crate) fn shared() -> Self {
        Self { known: Some(Mutex::default()) }
    }

    /// For one transaction. What it reads is forgotten when it ends: the version
    /// number of a rolled-back schema change is used again for another one.
    pub(crate) fn local() -> Self {
        Self::shared()
    }

    /// Remembers nothing.
    pub(crate) fn none() -> Self {
        Self { known: None }
    }

    pub(crate) fn get(&self, table: &str) -> Option<Arc<Schema>> {
        let known = self.known.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(table).map(Arc::clone)
    }

    pub(crate) fn put(&self, table: &str, schema: &Arc<Schema>) {
        if let Some(known) = &self.known {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(table.to_owned(), Arc::clone(schema));
        }
    }

    pub(crate) fn remembers(&self) -> bool {
        self.known.is_some()
    }
}
