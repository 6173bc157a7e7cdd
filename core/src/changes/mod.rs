//! What a commit changed, and what of it somebody wants to know. The engine records it, the
//! backends pass it on, and live queries read it.

mod commit;
mod filter;
mod interest;
mod known_migrations;
mod observation;
mod pages;
mod reads;

pub use commit::{Commit, RowChange, RowChangeKind, TableChange};
pub(crate) use filter::{RowFilter, Term, TermTest};
pub use interest::{ColumnSet, Followed, Interest, TableInterest};
pub(crate) use known_migrations::KnownMigrations;
pub(crate) use observation::{Account, LogFrames, LogPosition};
pub use observation::{CommitObserver, Observation};
pub use pages::{PageSet, WrittenPages};
pub use reads::{ReadSet, Reads, TableRead};
