//! How a call becomes programs, whether it is made on a database, a transaction, a snapshot
//! or a session.

pub(crate) mod bulk_writer;
pub(crate) mod database_inner;
pub(crate) mod gate;
pub(crate) mod item_feed;
pub(crate) mod items;
pub(crate) mod run_result;
pub(crate) mod savepoint_guard;
pub(crate) mod schemas;
pub(crate) mod script;
pub(crate) mod session_ref;
pub(crate) mod statement_future;
pub(crate) mod stream;
pub(crate) mod target;
pub(crate) mod trace;
