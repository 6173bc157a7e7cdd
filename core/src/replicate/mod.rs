//! Replicas: the format of their files, what they are called, and which of them make a database. No
//! database is used here.

mod checksum;
mod ltx;
mod name;
mod plan;
mod storage;

pub use storage::{ReplicaFolder, ReplicaStorage};

pub(crate) use checksum::PageChecksums;
pub(crate) use ltx::{Decoder, Encoder, HEADER, Header, PageSource, lock_page};
pub(crate) use name::{FileName, SNAPSHOTS};
pub(crate) use plan::{Gap, plan};

use std::time::{Duration, SystemTime};

use crate::platform;

/// Returns a time as a replica's files have it.
pub(crate) fn milliseconds(time: SystemTime) -> u64 {
    platform::millis(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO))
}
