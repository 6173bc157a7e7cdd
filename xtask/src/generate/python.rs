//! The generated regions for Python.

use super::core::{Core, DeclaredKind, WireNumber};
use super::{Region, UNTRACED};

const ERRORS: &str = "bindings-ffi/python/ubiqlite/errors.py";

/// The maximum length of the package's lines.
const WIDTH: usize = 120;

pub(super) fn regions(core: &Core) -> Vec<Region> {
    let region = |file, name, text| Region { file, name, text };
    let ops = "bindings-ffi/python/ubiqlite/_ops.py";
    let names = core.errors.iter().map(|kind| format!("        {},\n", kind.name)).collect();
    vec![
        region(ops, "operations", numbers(&core.ops)),
        region(ops, "kinds of replies", kinds(core)),
        region(ops, "limits", numbers(&core.limits)),
        region(ops, "untraced", untraced(core)),
        region(ERRORS, "classes", core.errors.iter().map(class).collect()),
        region(ERRORS, "table", names),
    ]
}

fn numbers(numbers: &[WireNumber]) -> String {
    numbers.iter().map(|number| format!("{} = {}\n", number.name, number.value)).collect()
}

fn untraced(core: &Core) -> String {
    let names: String = core.untraced.iter().map(|name| format!("    {name},\n")).collect();
    format!("UNTRACED = frozenset((\n{names}))  # fmt: skip\n\"\"\"{UNTRACED}\"\"\"\n")
}

/// Returns the kinds of replies. They are in one module with the operations: one that has the name
/// of an operation gets another.
fn kinds(core: &Core) -> String {
    let is_operation = |name: &str| core.ops.iter().any(|it| it.name == name);
    let line = |kind: &WireNumber| {
        let prefix = if is_operation(&kind.name) { "REPLY_" } else { "" };
        format!("{prefix}{} = {}\n", kind.name, kind.value)
    };
    core.kinds.iter().map(line).collect()
}

/// Returns the class that PEP 249 has for it, and the built-in class that an `except` may name.
fn parents(kind: &DeclaredKind) -> &'static str {
    match kind.name.as_str() {
        _ if kind.is_constraint => "IntegrityError",
        "DatatypeMismatch" => "IntegrityError",
        "Corrupt" | "NotADatabase" | "NotAuthorized" => "DatabaseError",
        "NoSuchColumn" => "OperationalError, KeyError",
        "InvalidArgument" => "ProgrammingError, ValueError",
        "NotFound" => "DatabaseError, LookupError",
        "TooBig" => "DataError",
        "OutOfMemory" => "OperationalError, MemoryError",
        "Timeout" => "OperationalError, TimeoutError",
        "Closed" => "ProgrammingError",
        "Unsupported" => "NotSupportedError",
        "Internal" => "InternalError",
        _ => "OperationalError",
    }
}

fn class(kind: &DeclaredKind) -> String {
    let more = match kind.name.as_str() {
        "Cancelled" => " It is not ``asyncio.CancelledError``.",
        _ => "",
    };
    let doc = format!("{}{more}", kind.doc.replace('`', "``"));
    format!("class {}({}):\n    \"\"\"{}\"\"\"\n\n\n", kind.name, parents(kind), wrapped(&doc))
}

/// Wraps a comment: on one line if it fits, otherwise on several, as `ruff format` leaves them.
fn wrapped(doc: &str) -> String {
    let mut lines = vec![String::new()];
    for word in doc.split(' ') {
        let mut line = lines.pop().unwrap_or_default();
        if INDENT + line.len() + 1 + word.len() > WIDTH - 3 {
            lines.push(line);
            line = String::new();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        lines.push(line + word);
    }
    match lines.as_slice() {
        [line] => line.clone(),
        lines => format!("{}\n    ", lines.join("\n    ")),
    }
}

/// The width before a line of a comment, with its quotation marks.
const INDENT: usize = 7;
