//! A crash or a full disk leaves all of a transaction or nothing of it, and every acknowledged
//! one. Tested on a simulated disk, behind the library's own VFS.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail like tests")]

mod accounts;
mod crash_points;
mod disk;
mod disk_full;
mod migrations;
mod negative_control;

/// Runs a call to its end.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
