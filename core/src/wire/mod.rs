//! What foreign languages speak to the core: requests as bytes in, replies as
//! bytes out, the same for every language.
//!
//! A [`Server`] serves one client of a [`Database`](crate::Database). It owns the client's
//! transactions, sessions, snapshots and streams, named by the number of the
//! request that made them; when it is dropped, all of them are rolled back. What
//! can be answered at once is answered within [`Server::submit`]; the rest when
//! it is ready, by replies that [`Server::take`] gives.
//!
//! All numbers are little-endian. A request is
//!
//! ```text
//! u32 length of what follows | u32 id | u8 op | u8 flags | u32 handle | [u32 timeout, ms] | payload
//! ```
//!
//! with the flags 1 (it has a timeout), 2 (more rows follow), 4 (others of this client
//! write, too: a write shares their commit rather than being done within the call) and 8
//! (it runs only if it changes nothing: an engine before this one may have run it);
//! and a reply, aligned to 8 bytes,
//!
//! ```text
//! u32 length, this included | u32 id | u8 kind | u8 flags | u16 0 | u32 extra | payload
//! ```
//!
//! [`numbers`] has the operations, kinds and flags, `request.rs` the payloads of the operations, `reply.rs` those of the replies. The
//! rows of a long query may come in several replies of the same number, each but
//! the last flagged so, while SQLite still runs.
//!
//! A request is given up in one of two ways. `CANCEL`: nobody waits for it any more, it has
//! no reply, and what it did in a transaction spoils that. `WITHDRAW`: it stops, if it can,
//! and its own reply says what became of it; `Cancelled` only if nothing of it happened. The
//! end of a transaction or savepoint that is given up before it begins lets go of that, and
//! the calls that were under way on it are answered `Cancelled`. What engines do not
//! know, since they are gone, is the client's part: `bindings-wasm/ts/link/course.ts` has
//! the table.

mod asker;
mod control;
mod exit;
mod feed;
mod given_up;
mod handles;
mod held;
mod hosts;
mod line;
pub mod numbers;
mod read;
mod reply;
mod request;
mod run;
mod server;
mod settings;
mod sink;
mod statement;
mod task;
#[cfg(test)]
mod tests;

pub use server::{Host, Server};
pub use settings::Settings;
pub use sink::Sink;
