//! The tables, and the types of their rows: plain serde structs, filled by column
//! name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) const SCHEMA: &str = "
    CREATE TABLE items (
        id     INTEGER PRIMARY KEY,
        name   TEXT NOT NULL,
        data   TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(data)),
        status TEXT NOT NULL DEFAULT 'new',
        value  REAL NOT NULL DEFAULT 0
    );
    CREATE INDEX items_by_status ON items (status);

    CREATE TABLE accounts (
        id      INTEGER PRIMARY KEY,
        balance INTEGER NOT NULL CHECK (balance >= 0)
    );

    CREATE TABLE users (
        id    INTEGER PRIMARY KEY,
        name  TEXT NOT NULL,
        email TEXT NOT NULL UNIQUE
    );
    CREATE TABLE orders (
        id         INTEGER PRIMARY KEY,
        user_id    INTEGER NOT NULL REFERENCES users (id),
        total      INTEGER NOT NULL,
        created_at TEXT NOT NULL DEFAULT current_timestamp
    );
    CREATE INDEX orders_by_user ON orders (user_id, id);
";

#[derive(Debug, Deserialize)]
pub(crate) struct Item {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// Stored as JSON text.
    pub(crate) data: BTreeMap<String, serde_json::Value>,
    pub(crate) status: String,
    pub(crate) value: f64,
}

/// An item to store; columns that it does not have get their defaults.
#[derive(Debug, Serialize)]
pub(crate) struct NewItem {
    pub(crate) name: String,
    pub(crate) value: f64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) email: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: i64,
    pub(crate) total: i64,
    pub(crate) created_at: String,
}

/// What a dashboard shows about all orders.
#[derive(Debug, Deserialize)]
pub(crate) struct Totals {
    pub(crate) count: u64,
    pub(crate) sum: i64,
}
