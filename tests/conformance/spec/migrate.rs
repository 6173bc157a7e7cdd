//! Migrations, run and inspected.

use std::time::Duration;

use serde_json::{Map, Value as Json};
use ubiqlite::{
    AppliedMigration, Database, Drift, DriftKind, MigrationAction, MigrationStep, Migrations, Value,
};

use super::call::Call;
use super::check::Outcome;
use super::data::Data;

/// Reads the files and options of a step, or of the option of `open`.
///
/// # Errors
/// When they are none. The inner error is the library's.
pub(crate) fn read(fields: &Map<String, Json>) -> Result<ubiqlite::Result<Migrations>, String> {
    let wrong = |name: &str| format!("the migrations have no such {name:?}: {fields:?}");
    let files = fields.get("files").and_then(Json::as_array).ok_or_else(|| wrong("files"))?;
    let file = |file: &Json| match (file[0].as_str(), file[1].as_str()) {
        (Some(name), Some(text)) => Ok((name.to_owned(), text.to_owned())),
        _ => Err(format!("{file} is no file")),
    };
    let files = files.iter().map(file).collect::<Result<Vec<_>, String>>()?;
    let mut migrations = match Migrations::new(files) {
        Ok(migrations) => migrations,
        Err(error) => return Ok(Err(error)),
    };
    let yes = |name: &str| match fields.get(name) {
        Some(yes) => yes.as_bool().map(Some).ok_or_else(|| wrong(name)),
        None => Ok(None),
    };
    if let Some(yes) = yes("allow_newer")? {
        migrations = migrations.allow_newer(yes);
    }
    if let Some(yes) = yes("accept_edited")? {
        migrations = migrations.accept_edited(yes);
    }
    if let Some(timeout) = fields.get("lock_timeout") {
        let timeout = timeout.as_u64().ok_or_else(|| wrong("lock_timeout"))?;
        migrations = migrations.lock_timeout(Duration::from_millis(timeout));
    }
    Ok(Ok(migrations))
}

/// Does what the step says.
///
/// # Errors
/// When it says nothing that can be done.
pub(crate) async fn migrations(db: &Database, call: &Call<'_>) -> Result<Outcome, String> {
    let migrations = match read(call.step)? {
        Ok(migrations) => migrations,
        Err(error) => return Ok(Err(error)),
    };
    let migrator = db.migrations(&migrations);
    let steps = match call.json("do").and_then(Json::as_str) {
        Some("run") => migrator.run().await,
        Some("dry_run") => migrator.dry_run().await,
        Some("pending") => migrator.pending().await,
        Some("to") => migrator.to(call.number("number")?.ok_or("\"to\" wants \"number\"")?).await,
        Some("applied") => return Ok(migrator.applied().await.map(|all| list(&all, applied))),
        Some("verify") => return Ok(migrator.verify().await.map(|all| list(&all, drift))),
        Some("rehearse") => return Ok(migrations.rehearse().await.map(|all| list(&all, drift))),
        other => return Err(format!("migrations can't {other:?}")),
    };
    Ok(steps.map(|all| list(&all, step)))
}

fn list<T>(all: &[T], each: impl Fn(&T) -> Vec<(&'static str, Data)>) -> Data {
    let named = |fields: Vec<(&'static str, Data)>| {
        Data::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    };
    Data::List(all.iter().map(|it| named(each(it))).collect())
}

fn step(step: &MigrationStep) -> Vec<(&'static str, Data)> {
    let action = match step.action {
        MigrationAction::Apply => "apply",
        MigrationAction::Revert => "revert",
        MigrationAction::Note => "note",
        MigrationAction::AcceptEdit => "accept_edit",
    };
    vec![
        ("number", step.number.into()),
        ("name", text(&step.name)),
        ("action", text(action)),
        ("alone", Data::Bool(step.alone)),
        ("took", took(step.took)),
    ]
}

fn applied(applied: &AppliedMigration) -> Vec<(&'static str, Data)> {
    vec![
        ("number", applied.number.into()),
        ("name", text(&applied.name)),
        ("applied_at", applied.applied_at.as_deref().map_or(Data::Null, text)),
        ("took", took(applied.took)),
        ("breaks_older", Data::Bool(applied.breaks_older)),
        ("reversible", Data::Bool(applied.reversible)),
        ("known", Data::Bool(applied.known)),
    ]
}

fn drift(drift: &Drift) -> Vec<(&'static str, Data)> {
    let kind = match drift.kind {
        DriftKind::Missing => "missing",
        DriftKind::Added => "added",
        DriftKind::Changed => "changed",
    };
    vec![
        ("object", text(&drift.object)),
        ("kind", text(kind)),
        ("details", Data::List(drift.details.iter().map(|it| text(it)).collect())),
    ]
}

fn text(text: &str) -> Data {
    Data::Text(text.to_owned())
}

fn took(took: Option<Duration>) -> Data {
    let micros = |took: Duration| i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
    took.map_or(Data::Null, |took| Value::Integer(micros(took)).into())
}
