//! How a call becomes programs, whether it is made on a database, a transaction, a snapshot
//! or a session.

pub(crate) mod feeding;
pub(crate) mod gate;
pub(crate) mod held;
pub(crate) mod items;
pub(crate) mod many;
pub(crate) mod nested;
pub(crate) mod one;
pub(crate) mod opened;
pub(crate) mod run_result;
pub(crate) mod schemas;
pub(crate) mod script;
pub(crate) mod stream;
pub(crate) mod target;
