//! The workloads of the benchmark, written once for every subject: the data, the
//! sequence of ids, the number of operations, and how they are timed and printed.
//!
//! A subject is one binary, called as `SUBJECT-BIN WORK DB_PATH [--n N]
//! [--quick] [--readers N]`. It prints one JSON line per figure.

mod args;
mod item;
pub mod process;
mod report;
mod work;

#[cfg(feature = "tokio")]
mod drive;
#[cfg(feature = "tokio")]
mod subject;

pub use args::Args;
pub use item::{Ids, Item, ROWS, Weights, items, leaked_items, warm_up_ids, weight};
pub use report::{figure, per_op, per_second};
pub use work::{
    COMMITS_PER_SECOND, CREATE_ITEMS, CREATE_LOG, INSERT_ITEM, INSERT_LOG, SCAN, SCANS, SELECT_ALL,
    SELECT_MILLION, SELECT_ONE, Settings, Synchronous, TASKS, repeats, scan_tasks, script,
};

#[cfg(feature = "tokio")]
pub use drive::{block_on, run};
#[cfg(feature = "tokio")]
pub use subject::Subject;

/// The error of a subject: it is printed, and the run counts as failed.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A result with any error.
pub type Result<T> = std::result::Result<T, Error>;
