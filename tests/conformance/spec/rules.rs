//! The rules that the scenario files themselves must follow.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use ubiqlite::ErrorKind;

use super::files::Scenario;

/// The minimum number of scenarios.
const LEAST: usize = 150;

/// Every method that a step may call. At least one scenario must call each.
const METHODS: &[&str] = &[
    "open",
    "capabilities",
    "interrupt",
    "close",
    "execute",
    "query",
    "query_one",
    "query_optional",
    "query_value",
    "stream",
    "next",
    "execute_many",
    "batch",
    "transaction",
    "savepoint",
    "begin",
    "begin_savepoint",
    "commit",
    "rollback",
    "release",
    "snapshot",
    "acquire",
    "insert",
    "upsert",
    "insert_many",
    "get",
    "delete",
    "update",
    "update_many",
    "count",
    "select",
    "transfer",
    "watch",
    "watch_all",
    "touch",
    "check",
    "stats",
    "recover",
    "replicate",
    "flush",
    "state",
    "stop",
    "restore_replica",
    "migrations",
    "outbox",
    "wait",
    "ack",
    "apply",
];

/// The kinds that no scenario can cause in every language, and why.
const OUT_OF_REACH: &[(ErrorKind, &str)] = &[
    (ErrorKind::OutOfMemory, "needs a machine without memory"),
    (ErrorKind::OutcomeUnknown, "needs a connection that is lost in the middle of a commit"),
    (ErrorKind::NotAuthorized, "needs an authorizer, which no operation sets"),
    (ErrorKind::Io, "needs a broken disk"),
    (ErrorKind::Internal, "needs a defect"),
];

/// The names that `needs` may contain.
const NEEDS: &[&str] = &[
    "transactions",
    "snapshots",
    "cursors",
    "sessions",
    "files",
    "recovery",
    "replicas",
    "interrupts",
    "real_type",
    "utf16_text",
    "big_integers",
    "shared_handles",
];

/// `call` itself, the other keys of every call, and the arguments of the methods.
const CALL_KEYS: &[&str] = &[
    "call",
    "on",
    "table",
    "as",
    "steps",
    "timeout",
    "cancel",
    "escapes",
    "gives",
    "rows",
    "columns",
    "count",
    "error",
    "path",
    "options",
    "sql",
    "params",
    "each",
    "script",
    "statements",
    "mode",
    "record",
    "records",
    "key",
    "keys",
    "where",
    "order_by",
    "limit",
    "offset",
    "end",
    "column",
    "transfers",
    "tables",
    "meanwhile",
    "changes",
    "policy",
    "batch",
    "added",
    "removed",
    "updated",
    "queries",
    "files",
    "do",
    "number",
    "allow_newer",
    "accept_edited",
    "lock_timeout",
    "interval",
    "replica",
    "transaction",
    "time",
];

const OTHER_STEPS: &[(&str, &[&str])] = &[
    ("make", &["make", "text", "bytes", "directory", "copy", "keep", "at"]),
    ("together", &["together", "times"]),
    ("pause", &["pause"]),
    ("throw", &["throw"]),
];

/// Checks the files against their rules.
///
/// # Errors
/// Lists everything that is wrong, one problem per line.
pub(crate) fn check(scenarios: &[Scenario]) -> Result<(), String> {
    let mut found = Found::default();
    let mut names = BTreeSet::new();
    for scenario in scenarios {
        let place = format!("{}: {:?}", scenario.subject, scenario.name);
        if !names.insert(&scenario.name) {
            found.wrong.push(format!("{place} has the name of another scenario"));
        }
        for need in scenario.needs.iter().filter(|need| !NEEDS.contains(&need.as_str())) {
            found.wrong.push(format!("{place} needs {need:?}, which is unknown"));
        }
        found.steps(&place, &scenario.steps);
        scenario.steps.iter().for_each(|step| found.numbers(&place, step));
    }
    if scenarios.len() < LEAST {
        found.wrong.push(format!("{} scenarios are fewer than {LEAST}", scenarios.len()));
    }
    for method in METHODS.iter().filter(|method| !found.methods.contains(**method)) {
        found.wrong.push(format!("no scenario calls {method}"));
    }
    for kind in ErrorKind::ALL {
        let reason = OUT_OF_REACH.iter().find(|(known, _)| known == kind).map(|(_, reason)| reason);
        match (found.kinds.contains(kind.name()), reason) {
            (false, None) => found.wrong.push(format!("no scenario expects the error {kind}")),
            (true, Some(_)) => found.wrong.push(format!("{kind} is within reach after all")),
            _ => {}
        }
    }
    if found.wrong.is_empty() { Ok(()) } else { Err(found.wrong.join("\n    ")) }
}

#[derive(Default)]
struct Found {
    methods: BTreeSet<String>,
    kinds: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Found {
    fn steps(&mut self, place: &str, steps: &[Json]) {
        for step in steps {
            match step {
                Json::Array(inner) => self.steps(place, inner),
                step => self.step(place, step),
            }
        }
    }

    fn step(&mut self, place: &str, step: &Json) {
        let Json::Object(fields) = step else {
            return self.wrong.push(format!("{place}: {step} is no step"));
        };
        let known = OTHER_STEPS.iter().find(|(name, _)| fields.contains_key(*name));
        let keys = known.map_or(CALL_KEYS, |(_, keys)| *keys);
        for key in fields.keys().filter(|key| !keys.contains(&key.as_str())) {
            self.wrong.push(format!("{place}: {key:?} has no place in {step}"));
        }
        if let Some(method) = fields.get("call").and_then(Json::as_str) {
            if !METHODS.contains(&method) {
                self.wrong.push(format!("{place}: {method:?} is no method"));
            }
            self.methods.insert(method.to_owned());
        } else if known.is_none() {
            self.wrong.push(format!("{place}: {step} is no step"));
        }
        match fields.get("error") {
            Some(Json::Object(error)) => {
                error.get("kind").into_iter().for_each(|kind| self.kind(place, kind))
            }
            Some(kind) => self.kind(place, kind),
            None => {}
        }
        for inner in ["steps", "together", "meanwhile"] {
            if let Some(Json::Array(steps)) = fields.get(inner) {
                self.steps(place, steps);
            }
        }
    }

    fn kind(&mut self, place: &str, kind: &Json) {
        match kind {
            Json::Array(kinds) => kinds.iter().for_each(|kind| self.kind(place, kind)),
            Json::String(name) if ErrorKind::ALL.iter().any(|kind| kind.name() == name) => {
                self.kinds.insert(name.clone());
            }
            other => self.wrong.push(format!("{place}: {other} is no kind of error")),
        }
    }

    /// Checks that plain numbers are those that JavaScript reads as the same value.
    fn numbers(&mut self, place: &str, json: &Json) {
        match json {
            Json::Array(items) => items.iter().for_each(|item| self.numbers(place, item)),
            Json::Object(fields) => fields.values().for_each(|field| self.numbers(place, field)),
            Json::Number(number) => {
                let safe = match (number.as_i64(), number.as_f64()) {
                    (Some(integer), _) => integer.unsigned_abs() < 1 << 53,
                    (None, Some(real)) => real.fract() != 0.0,
                    _ => false,
                };
                if !safe {
                    self.wrong.push(format!("{place}: {number} needs $int or $real"));
                }
            }
            _ => {}
        }
    }
}
