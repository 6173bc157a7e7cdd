//! What an async library must do to take part.

use std::future::Future;

use crate::{Item, Result, Settings};

/// An async SQLite library behind the verbs that the works consist of. Every
/// implementation is written as the library's documentation recommends.
pub trait Subject: Clone + Send + Sync + 'static {
    /// The usual number of point operations is divided by this for a slow
    /// subject, so that a run takes about a second.
    const SLOWNESS: u64;

    /// Opens the database with [`Settings::pragmas`].
    fn open(settings: &Settings) -> impl Future<Output = Result<Self>> + Send;

    /// Runs a statement that creates a table.
    fn create(&self, sql: &'static str) -> impl Future<Output = Result<()>> + Send;

    /// Reads a row with [`crate::SELECT_ONE`] and returns its weight.
    fn read(&self, id: i64) -> impl Future<Output = Result<u64>> + Send;

    /// Inserts a row with [`crate::INSERT_LOG`], committed when it returns.
    fn insert(&self, item: &'static Item) -> impl Future<Output = Result<()>> + Send;

    /// Inserts all of them with [`crate::INSERT_LOG`] in one transaction.
    fn execute_many(&self, items: &'static [Item]) -> impl Future<Output = Result<()>> + Send;

    /// Reads all rows of a statement and returns the sum of their weights.
    fn stream(&self, sql: &'static str) -> impl Future<Output = Result<u64>> + Send;

    /// Closes the database.
    fn close(self) -> impl Future<Output = Result<()>> + Send;
}
