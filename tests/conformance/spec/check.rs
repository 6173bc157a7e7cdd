//! Compares the result of a call with what its step expects.

use serde_json::Value as Json;
use ubiqlite::{Error, ErrorKind};

use super::call::Call;
use super::data::{Data, Names};

/// The result of a call.
pub(crate) type Outcome = ubiqlite::Result<Data>;

/// The kind that stands for the caller's own exception.
pub(crate) const THROWN: ErrorKind = ErrorKind::Internal;

/// Compares the outcome with the expectation.
///
/// # Errors
/// Describes the difference.
pub(crate) fn check(call: &Call<'_>, outcome: &Outcome) -> Result<(), String> {
    match (outcome, call.json("error")) {
        (Ok(found), Some(expected)) => {
            Err(format!("expected the error  {expected}\n      found the result {found}"))
        }
        (Err(error), Some(expected)) => check_error(error, expected, call.names),
        (Err(error), None) => Err(format!("failed with {error:?}")),
        (Ok(found), None) => check_result(call, found),
    }
}

fn check_result(call: &Call<'_>, found: &Data) -> Result<(), String> {
    // A change reports several numbers, of which a scenario names those that matter.
    // A row is compared whole.
    let partial = matches!(
        call.method,
        "execute"
            | "batch"
            | "capabilities"
            | "apply"
            | "migrations"
            | "stats"
            | "flush"
            | "state"
            | "stop"
    );
    let (found, diff) = match found {
        Data::Update { rows, diff } => (&**rows, diff.as_slice()),
        found => (found, [].as_slice()),
    };
    for key in ["added", "removed", "updated"] {
        if let Some(expected) = call.json(key) {
            let known = diff.iter().find(|(name, _)| *name == key);
            let (_, positions) = known.ok_or_else(|| format!("{found} is no result of a watch"))?;
            compare(&Data::read(expected, call.names)?, positions, false, key)?;
        }
    }
    for key in ["gives", "rows"] {
        if let Some(expected) = call.json(key) {
            compare(&Data::read(expected, call.names)?, found, partial, "result")?;
        }
    }
    if let Some(expected) = call.json("count") {
        let rows = found.list()?.len();
        if expected.as_u64() != u64::try_from(rows).ok() {
            return Err(format!("expected {expected} rows, found {rows}"));
        }
    }
    if let Some(expected) = call.json("columns") {
        let row = match found {
            Data::List(rows) => rows.first().ok_or("no row that would tell the columns")?,
            row => row,
        };
        let Data::Map(fields) = row else { return Err(format!("{row} is no row")) };
        let found: Vec<Json> = fields.iter().map(|(name, _)| Json::from(name.as_str())).collect();
        if *expected != Json::from(found.clone()) {
            return Err(format!(
                "expected the columns {expected}\n         found {}",
                Json::from(found)
            ));
        }
    }
    Ok(())
}

fn compare(expected: &Data, found: &Data, partial: bool, place: &str) -> Result<(), String> {
    let same = match (expected, found) {
        (Data::Any, found) => !matches!(found, Data::Null),
        (Data::Null, Data::Null) => true,
        (Data::Bool(a), Data::Bool(b)) => a == b,
        (Data::Int(a), Data::Int(b)) => a == b,
        // Bit by bit: -0.0 is not 0.0.
        (Data::Real(a), Data::Real(b)) => a.to_bits() == b.to_bits(),
        (Data::Text(a), Data::Text(b)) => a == b,
        (Data::Blob(a), Data::Blob(b)) => a == b,
        (Data::List(a), Data::List(b)) => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                compare(a, b, partial, &format!("{place}[{index}]"))?;
            }
            a.len() == b.len()
        }
        // A row written as its values alone.
        (Data::List(a), Data::Map(b)) => {
            for (a, (name, b)) in a.iter().zip(b) {
                compare(a, b, partial, &format!("{place}.{name}"))?;
            }
            a.len() == b.len()
        }
        (Data::Map(a), Data::Map(b)) => {
            for (name, a) in a {
                match b.iter().find(|(known, _)| known == name) {
                    Some((_, b)) => compare(a, b, partial, &format!("{place}.{name}"))?,
                    None => return Err(format!("{place} has no {name:?}; found {found}")),
                }
            }
            partial || a.len() == b.len()
        }
        _ => false,
    };
    if same {
        return Ok(());
    }
    Err(format!(
        "{place}: expected {expected}\n      {:width$}  found {found}",
        "",
        width = place.len()
    ))
}

fn check_error(error: &Error, expected: &Json, names: &Names) -> Result<(), String> {
    let wrong = |what: &str, expected: &Json, found: String| {
        Err(format!("the error's {what}: expected {expected}\n      found {found} in {error:?}"))
    };
    let Json::Object(fields) = expected else {
        return check_error(error, &serde_json::json!({"kind": expected}), names);
    };
    if error.kind() == THROWN && !fields.contains_key("thrown") {
        return Err(format!("failed with {error:?}"));
    }
    for (name, expected) in fields {
        let found = match name.as_str() {
            "kind" => {
                let kind = Json::from(error.kind().name());
                match expected {
                    Json::Array(kinds) if kinds.contains(&kind) => continue,
                    _ => kind,
                }
            }
            "code" => error.code().into(),
            "table" => error.table().into(),
            "columns" => error.columns().to_vec().into(),
            "index" => error.index().into(),
            "offset" => error.offset().into(),
            "path" => {
                let file = error.path().and_then(|path| path.file_name());
                file.map(|file| file.to_string_lossy().into_owned()).into()
            }
            "message" => {
                let words = Data::read(expected, names)?.text()?.to_lowercase();
                if error.message().to_lowercase().contains(&words) {
                    continue;
                }
                error.message().into()
            }
            "thrown" => match error.kind() {
                THROWN => error.message().into(),
                _ => Json::Null,
            },
            other => return Err(format!("an error has no {other:?}")),
        };
        if found != *expected {
            return wrong(name, expected, found.to_string());
        }
    }
    Ok(())
}
