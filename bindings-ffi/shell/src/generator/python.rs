//! Python.

use super::model::{Command, Field, Kind, Model, Type};
use super::names::{Names, Rules, Taken, identifier, quoted};
use super::{HEADER, classes};

const RESERVED: &[&str] = &[
    "False",
    "None",
    "True",
    "and",
    "as",
    "assert",
    "async",
    "await",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "nonlocal",
    "not",
    "or",
    "pass",
    "raise",
    "return",
    "try",
    "while",
    "with",
    "yield",
    "match",
    "case",
    "type",
    // What the code uses.
    "bool",
    "bytes",
    "dataclass",
    "field",
    "float",
    "int",
    "list",
    "str",
    "ubiqlite",
    "Optional",
    "Scalar",
    "Union",
    "annotations",
    "self",
    "print",
];

const RULES: Rules = Rules {
    camel: false,
    reserved: RESERVED,
    types: &["None", "True", "False", "Optional", "Scalar", "Union"],
    locals: &["db"],
};

/// Writes the file.
pub(crate) fn write(model: &Model) -> String {
    let names = Names::new(model, &RULES);
    let classes = classes(model, &names);
    let mut out = format!(
        "# {HEADER}\n# ruff: noqa\n# fmt: off\n\"\"\"Typed rows and queries.\"\"\"\n\nfrom __future__ import annotations\n\n"
    );
    let mut body = String::new();
    for (name, what, fields) in &classes {
        body.push_str(&format!(
            "\n\n@dataclass(frozen=True)\nclass {name}:\n    \"\"\"{what}\"\"\"\n\n"
        ));
        let mut taken = Taken::new(RESERVED);
        for (index, it) in fields.iter().enumerate() {
            let own = taken.take(&identifier(&it.name, &format!("column{}", index + 1)), "_");
            let renamed = match own == it.name {
                true => String::new(),
                false => format!(" = field(metadata={{\"column\": {}}})", quoted(&it.name, false)),
            };
            body.push_str(&format!("    {own}: {}{renamed}\n", annotation(it.of)));
        }
    }
    for (query, names) in model.queries.iter().zip(&names.queries) {
        let target = match query.is_read() {
            true => "Reader",
            false => "Statements",
        };
        let param = |(it, name): (&Field, &String)| format!("{name}: {}", param_type(it.of));
        let params: Vec<_> = query.params.iter().zip(&names.params).map(param).collect();
        let params = match params.is_empty() {
            true => String::new(),
            false => format!(", *, {}", params.join(", ")),
        };
        let values: String = names.params.iter().map(|it| format!("{it}, ")).collect();
        let values = match values.is_empty() {
            true => String::new(),
            false => format!(", ({})", values.trim_end_matches(' ')),
        };
        let (sql, row) = (quoted(&query.sql, false), &names.row);
        let (result, call) = match query.command {
            Command::One => (
                format!("Optional[{row}]"),
                format!("return await db.query_optional({sql}{values}, into={row})"),
            ),
            Command::Many => (
                format!("list[{row}]"),
                format!("return await db.query({sql}{values}, into={row})"),
            ),
            Command::Exec => ("None".to_owned(), format!("await db.execute({sql}{values})")),
            Command::ExecRows => {
                ("int".to_owned(), format!("return (await db.execute({sql}{values})).rows_changed"))
            }
            Command::ExecLastId => {
                ("int".to_owned(), format!("return (await db.execute({sql}{values})).last_row_id"))
            }
        };
        body.push_str(&format!(
            "\n\nasync def {}(db: ubiqlite.{target}{params}) -> {result}:\n    \"\"\"Runs `{}`.\"\"\"\n    {call}\n",
            names.function, query.name
        ));
    }
    let has = |words: &str| body.contains(words);
    if !classes.is_empty() {
        let field = if has(" = field(metadata=") { ", field" } else { "" };
        out.push_str(&format!("from dataclasses import dataclass{field}\n"));
    }
    let scalar = has("Scalar");
    let typing: Vec<_> = [("Optional", has("Optional[")), ("Union", scalar)]
        .iter()
        .filter(|it| it.1)
        .map(|it| it.0)
        .collect();
    if !typing.is_empty() {
        out.push_str(&format!("from typing import {}\n", typing.join(", ")));
    }
    if !model.queries.is_empty() {
        out.push_str("\nimport ubiqlite\n");
    }
    if scalar {
        out.push_str("\nScalar = Union[None, int, float, str, bytes]\n\"\"\"Any value that SQLite has.\"\"\"\n");
    }
    out + &body
}

fn annotation(of: Type) -> String {
    let one = match of.kind {
        Kind::Integer => "int",
        Kind::Real => "float",
        Kind::Text => "str",
        Kind::Blob => "bytes",
        Kind::Boolean => "bool",
        Kind::Any => return "Scalar".to_owned(),
    };
    if of.nullable { format!("Optional[{one}]") } else { one.to_owned() }
}

fn param_type(of: Type) -> String {
    match of.kind {
        Kind::Any => "ubiqlite.Value".to_owned(),
        _ => annotation(of),
    }
}
