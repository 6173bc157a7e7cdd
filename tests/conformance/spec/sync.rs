//! Outboxes, and change sets that are applied.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use serde_json::Value as Json;
use ubiqlite::{
    Applied, Apply, Conflict, ConflictKind, Database, Decision, Outbox, OutboxBatch, Policy,
    RowChanged, Value,
};

use super::call::Call;
use super::check::Outcome;
use super::data::Data;
use super::scope::{Exit, Scope};

/// An outbox whose batches a scenario reads.
pub(crate) struct Sending(pub(crate) Outbox);

/// Records the changes of tables.
///
/// # Errors
/// What the library returns.
pub(crate) async fn outbox(db: &Database, tables: Vec<String>) -> ubiqlite::Result<Outbox> {
    db.outbox(tables.iter().map(String::as_str)).await
}

impl Sending {
    /// Makes a call on the outbox.
    pub(crate) async fn call(&mut self, call: &Call<'_>, rest: Scope<'_>) -> Result<Outcome, Exit> {
        match call.method {
            "next" => Ok(self.0.next().await.map(batch)),
            "wait" => self.wait(call, rest).await,
            "ack" => {
                let id = field(&call.data("batch")?, "id")?.value()?;
                let id = id.as_i64().ok_or_else(|| "a batch without a number".to_owned())?;
                Ok(self.0.ack(id).await.map(|()| Data::Null))
            }
            other => Err(Exit::Failure(format!("an outbox has no method {other:?}"))),
        }
    }

    /// Waits for the next batch. Steps that run meanwhile begin when the call waits.
    async fn wait(&mut self, call: &Call<'_>, mut rest: Scope<'_>) -> Result<Outcome, Exit> {
        let mut waits = pin!(wait(&mut self.0));
        let mut early = None;
        if let Some(steps) = call.meanwhile() {
            let mut steps = pin!(rest.run(steps));
            poll_fn(|cx| {
                if early.is_none()
                    && let Poll::Ready(found) = waits.as_mut().poll(cx)
                {
                    early = Some(found);
                }
                steps.as_mut().poll(cx)
            })
            .await?;
        }
        let found = match early {
            Some(found) => found,
            None => waits.await,
        };
        Ok(found.map(batch))
    }
}

async fn wait(outbox: &mut Outbox) -> ubiqlite::Result<Option<OutboxBatch>> {
    match outbox.changed().await? {
        true => outbox.next().await,
        false => Ok(None),
    }
}

fn batch(batch: Option<OutboxBatch>) -> Data {
    let Some(batch) = batch else { return Data::Null };
    let id = ("id".to_owned(), Data::Int(batch.id()));
    Data::Map(vec![id, ("bytes".to_owned(), Data::Blob(batch.into_bytes()))])
}

/// Reads the changes to apply: bytes, a batch, or a list of them, one after another.
///
/// # Errors
/// When the step has no such changes.
pub(crate) fn changes(call: &Call<'_>) -> Result<Vec<u8>, String> {
    bytes(&call.data("changes")?)
}

fn bytes(data: &Data) -> Result<Vec<u8>, String> {
    match data {
        Data::Blob(bytes) => Ok(bytes.clone()),
        Data::List(all) => Ok(all.iter().map(bytes).collect::<Result<Vec<_>, _>>()?.concat()),
        batch => bytes(field(batch, "bytes")?),
    }
}

fn field<'d>(data: &'d Data, name: &str) -> Result<&'d Data, String> {
    let Data::Map(fields) = data else { return Err(format!("{data} is no batch")) };
    let found = fields.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value).ok_or_else(|| format!("{data} has no {name:?}"))
}

/// Reads the policy of a step, with those of tables.
///
/// # Errors
/// For what is no policy.
pub(crate) fn policies(call: &Call<'_>) -> Result<Apply, String> {
    let all = Apply::all(policy(call.json("policy").ok_or("apply wants \"policy\"")?)?);
    let tables = call.json("tables").and_then(Json::as_object);
    tables
        .into_iter()
        .flatten()
        .try_fold(all, |all, (table, its)| Ok(all.table(table, policy(its)?)))
}

fn policy(json: &Json) -> Result<Policy, String> {
    Ok(match (json.as_str(), json["newest"].as_str()) {
        (Some("theirs"), _) => Policy::Theirs,
        (Some("ours"), _) => Policy::Ours,
        (Some("abort"), _) => Policy::Abort,
        (None, Some(column)) => Policy::Newest(column.to_owned()),
        _ => return Err(format!("{json} is no policy")),
    })
}

/// Returns what applying did as data.
pub(crate) fn applied(applied: ubiqlite::Result<Applied>) -> Outcome {
    applied.map(|applied| {
        let conflicts = applied.conflicts().iter().map(conflict).collect();
        let rebased = ("rebased".to_owned(), Data::Bool(applied.rebased()));
        Data::Map(vec![rebased, ("conflicts".to_owned(), Data::List(conflicts))])
    })
}

fn conflict(conflict: &Conflict) -> Data {
    let kind = match conflict.kind {
        ConflictKind::Data => "data",
        ConflictKind::NotFound => "not_found",
        ConflictKind::Exists => "exists",
        ConflictKind::Constraint => "constraint",
    };
    let change = match conflict.change {
        RowChanged::Inserted => "inserted",
        RowChanged::Updated => "updated",
        RowChanged::Deleted => "deleted",
    };
    let decision = match conflict.decision {
        Decision::Theirs => "theirs",
        Decision::Ours => "ours",
    };
    let text = |text: &str| Data::Text(text.to_owned());
    let fields = [
        ("table", text(&conflict.table)),
        ("kind", text(kind)),
        ("change", text(change)),
        ("key", row(&conflict.key)),
        ("ours", conflict.ours.as_deref().map_or(Data::Null, row)),
        ("theirs", row(&conflict.theirs)),
        ("decision", text(decision)),
    ];
    Data::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn row(columns: &[(String, Value)]) -> Data {
    Data::Map(columns.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect())
}
