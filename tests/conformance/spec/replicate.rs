//! Replicas, and what is restored from them.

use std::path::Path;
use std::time::{Duration, SystemTime};

use ubiqlite::{Database, Replica, ReplicaMoment, ReplicaState, SnapshotReason, restore_replica};

use super::call::Call;
use super::check::Outcome;
use super::data::Data;
use super::scope::Exit;

/// A replica that a scenario follows.
pub(crate) struct Following(pub(crate) Replica);

/// Begins a replica in a folder.
///
/// # Errors
/// What the library returns.
pub(crate) async fn replicate(
    db: &Database,
    to: &Path,
    interval: Option<Duration>,
) -> ubiqlite::Result<Replica> {
    let replicate = db.replicate(to);
    match interval {
        Some(interval) => replicate.interval(interval).await,
        None => replicate.await,
    }
}

/// Restores a moment of the replica in the folder `from`.
pub(crate) async fn restore(call: &Call<'_>, from: &Path, to: &Path) -> Result<Outcome, Exit> {
    let field = |key: &str, name: &str| -> Result<Option<u64>, String> {
        if call.json(key).is_none() {
            return Ok(None);
        }
        let Data::Map(state) = call.data(key)? else { return Err(format!("{key} is no state")) };
        let value = state.iter().find(|(field, _)| field == name).map(|(_, value)| value);
        match value {
            Some(Data::Int(number)) => Ok(u64::try_from(*number).ok()),
            other => Err(format!("{key} has no {name}: {other:?}")),
        }
    };
    let moment = match (field("transaction", "transaction")?, field("time", "time")?) {
        (Some(number), None) => ReplicaMoment::Transaction(number),
        (None, Some(since)) => {
            ReplicaMoment::Time(SystemTime::UNIX_EPOCH + Duration::from_millis(since))
        }
        _ => ReplicaMoment::Latest,
    };
    Ok(restore_replica(from, moment, to).await.map(Data::from))
}

impl Following {
    /// Makes a call on the replica.
    pub(crate) async fn ask(&self, call: &Call<'_>) -> Result<Outcome, Exit> {
        let ended = match call.method {
            "state" => Ok(()),
            "flush" => self.0.flush().await,
            "stop" => self.0.stop().await,
            other => return Err(Exit::Failure(format!("a replica has no method {other:?}"))),
        };
        Ok(ended.map(|()| state(&self.0.state())))
    }
}

fn state(state: &ReplicaState) -> Data {
    let optional = |number: Option<u64>| number.map_or(Data::Null, Data::from);
    let time = state.time.and_then(|it| it.duration_since(SystemTime::UNIX_EPOCH).ok());
    let (last, reason) = state.last_snapshot.unzip();
    let reason = reason.map_or(Data::Null, |reason| {
        let word = match reason {
            SnapshotReason::First => "first",
            SnapshotReason::Gap => "gap",
            SnapshotReason::Differs => "differs",
            SnapshotReason::Log => "log",
            SnapshotReason::JournalMode => "journal_mode",
            SnapshotReason::Memory => "memory",
            SnapshotReason::Due => "due",
            _ => "another",
        };
        Data::Text(word.to_owned())
    });
    let fields = [
        ("transaction", state.transaction.into()),
        ("time", optional(time.and_then(|it| u64::try_from(it.as_millis()).ok()))),
        ("lag", state.lag.into()),
        ("waiting", state.waiting.into()),
        ("snapshots", state.snapshots.into()),
        ("last_snapshot", optional(last)),
        ("reason", reason),
        ("error", state.error.clone().map_or(Data::Null, Data::Text)),
        ("ended", Data::Bool(state.ended)),
    ];
    Data::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
