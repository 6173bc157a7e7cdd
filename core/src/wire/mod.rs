//! The protocol between foreign languages and the core: requests in and replies out, both as bytes,
//! the same for every language.
//!
//! A [`Server`] serves one client of a [`Database`](crate::Database). It owns the client's
//! transactions, sessions, snapshots and streams, each named by the number of the request that made
//! it; dropping the server rolls all of them back. Requests that can finish at once do so within
//! [`Server::submit`], the others later; [`Server::take`] returns the replies that are ready.
//!
//! All numbers are little-endian. A request is
//!
//! ```text
//! u32 length of what follows | u32 id | u8 op | u8 flags | u32 handle | [u32 timeout, ms] | payload
//! ```
//!
//! with the flags 1 (it has a timeout), 2 (more rows follow), 4 (others of this client are writing
//! too: a write shares their commit instead of running within the call), 8 (it runs only if it
//! changes nothing: a previous engine may already have run it) and 16 (a reply before its result says
//! how long it has waited and run); and a reply, aligned to 8 bytes,
//!
//! ```text
//! u32 length, this included | u32 id | u8 kind | u8 flags | u16 0 | u32 extra | payload
//! ```
//!
//! [`numbers`] has the operations, kinds and flags; `request.rs` the payloads of the operations,
//! `reply.rs` those of the replies. The rows of a long query may arrive in several replies with the
//! same number while SQLite is still running; all but the last are flagged.
//!
//! Change sets have three operations. `OUTBOX`, on the database, with the names of the tables (a
//! `u32` how many, and each as a `u32` length and its UTF-8), makes a handle. `NEXT` on it has
//!
//! ```text
//! u32 1 to wait for a batch, or 0 | i64 number of the last batch that the client has, or 0
//! ```
//!
//! and its reply is [`kind::ROWS`](numbers::kind::ROWS): one row, the number of the next batch (an
//! integer) and its bytes (a blob); no page if there is none now; no page and the flag `END` if the
//! database was closed during the wait, and the handle is then gone. The client says what it has, so
//! a reply that it gave up loses nothing. `OUTBOX_AGAIN`, without a payload, makes a handle too, and
//! leaves the tables as they are. `ACK`, on the database, has the `i64` number of a batch;
//! its reply is `DONE`. `APPLY`, on the database, a session, transaction or savepoint, has
//!
//! ```text
//! policy | u32 tables | for each: u32 length, name, policy | u32 length | change set
//! ```
//!
//! where a policy is a byte: 0 theirs, 1 ours, 2 abort, or 3 newest, and then the column (`u32`
//! length, name). Its reply is `ROWS` of one column, the values one after another: 1 if the outbox
//! was rebased or 0; the number of conflicts; and for each its table; its kind, 0 data, 1 not found,
//! 2 exists, 3 constraint; what they did, 0 inserted, 1 updated, 2 deleted; whose was kept, 0 theirs,
//! 1 ours; and then three times, for the key, ours and theirs, the number of columns, or -1 for no
//! row, and each column's name and value.
//!
//! A request can be cancelled in two ways. `CANCEL`: its caller no longer waits, there is no reply,
//! and if it did anything in a transaction, that can only be rolled back. `WITHDRAW`: it stops if
//! it can, and its own reply reports the outcome, which is `Cancelled` only if nothing of it
//! happened. If the end of a transaction or savepoint is cancelled before it begins, that is rolled
//! back, and the calls under way on it fail with `Cancelled`. What engines cannot know because they
//! are gone is the client's part: `bindings-wasm/ts/client/call-state.ts` has the table.

mod backup;
mod cancellation;
mod cells;
mod check;
mod client_state;
mod commits;
mod control;
mod drive;
mod exit;
mod feed;
mod fifo_lock;
mod handles;
mod hosts;
mod migrations;
mod next;
pub mod numbers;
mod read;
mod recover;
#[cfg(not(target_family = "wasm"))]
mod replicate;
mod reply;
mod request;
mod requester;
mod run;
mod server;
mod settings;
mod sink;
mod statement;
mod stats;
#[cfg(not(target_family = "wasm"))]
mod storage;
mod sync;
mod task;
#[cfg(test)]
mod tests;
mod timed;
mod watch;

pub use server::{Host, Server};
pub use settings::Settings;
pub use sink::Sink;
