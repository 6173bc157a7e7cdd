//! Change sets: what they look like as bytes, and what is decided where one meets other changes.
//! The engine records and applies them, the operations are in `api`.

mod changeset;
mod policy;

#[cfg(sqlite_session)]
pub(crate) use changeset::TableHeader;
pub(crate) use changeset::{
    Change, ChangesetPart, Reader, RowOperation, encode_header, encode_known, encode_value,
};
pub(crate) use policy::ApplyStep;
pub use policy::{Applied, Apply, Conflict, ConflictKind, Decision, Policy, RowChanged};
