//! Rust.

use super::model::{Command, Field, Kind, Model, Type};
use super::names::{Names, Rules, Taken, identifier};
use super::{HEADER, classes};

const RESERVED: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "_",
];

const RULES: Rules = Rules {
    camel: false,
    reserved: RESERVED,
    types: &[
        "Box",
        "Clone",
        "Debug",
        "Deserialize",
        "Err",
        "FromRow",
        "Future",
        "None",
        "Ok",
        "Option",
        "Params",
        "PartialEq",
        "Reads",
        "Result",
        "Runs",
        "Self",
        "Serialize",
        "Some",
        "String",
        "T",
        "Value",
        "Vec",
    ],
    locals: &["db"],
};

/// What the functions are called on. `Reads` and `Runs` are made for references, so that a database
/// can be shared and a transaction is borrowed.
const TRAITS: &str = "
/// What runs queries: `&Database`, `&Snapshot`, or a `&mut` of what is in `Runs`.
pub trait Reads {
    #[doc(hidden)]
    fn all<T: FromRow>(self, sql: &str, params: Params) -> impl Future<Output = Result<Vec<T>>>;
    #[doc(hidden)]
    fn first<T: FromRow>(self, sql: &str, params: Params) -> impl Future<Output = Result<Option<T>>>;
}

/// What also runs statements that write: `&Database`, `&mut Transaction`, `&mut Savepoint`, `&mut Session`.
pub trait Runs: Reads {
    #[doc(hidden)]
    fn execute(self, sql: &str, params: Params) -> impl Future<Output = Result<ubiqlite::Executed>>;
}

macro_rules! reads {
    ($($what:ty),*) => {$(
        impl Reads for $what {
            fn all<T: FromRow>(self, sql: &str, params: Params) -> impl Future<Output = Result<Vec<T>>> {
                self.query(sql, params)
            }
            fn first<T: FromRow>(self, sql: &str, params: Params) -> impl Future<Output = Result<Option<T>>> {
                self.query_optional(sql, params)
            }
        }
    )*};
}

macro_rules! runs {
    ($($what:ty),*) => {$(
        impl Runs for $what {
            fn execute(self, sql: &str, params: Params) -> impl Future<Output = Result<ubiqlite::Executed>> {
                (*self).execute(sql, params)
            }
        }
    )*};
}

reads!(&ubiqlite::Database, &ubiqlite::Snapshot, &mut ubiqlite::Transaction<'_>, &mut ubiqlite::Savepoint<'_>, &mut ubiqlite::Session);
runs!(&ubiqlite::Database, &mut ubiqlite::Transaction<'_>, &mut ubiqlite::Savepoint<'_>, &mut ubiqlite::Session);
";

/// Writes the file.
pub(crate) fn write(model: &Model) -> String {
    let names = Names::new(model, &RULES);
    let mut body = String::new();
    for (name, what, fields) in classes(model, &names) {
        body.push_str(&format!(
            "\n/// {what}\n#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]\npub struct {name} {{\n"
        ));
        let mut taken = Taken::new(RESERVED);
        for (index, it) in fields.iter().enumerate() {
            let own = taken.take(&identifier(&it.name, &format!("column{}", index + 1)), "_");
            let mut serde = Vec::new();
            if own != it.name {
                serde.push(format!("rename = {}", quoted(&it.name)));
            }
            if it.of.kind == Kind::Blob {
                serde.push("with = \"ubiqlite::stored\"".to_owned());
            }
            if !serde.is_empty() {
                body.push_str(&format!("    #[serde({})]\n", serde.join(", ")));
            }
            body.push_str(&format!("    pub {own}: {},\n", field_type(it.of)));
        }
        body.push_str("}\n");
    }
    for (query, names) in model.queries.iter().zip(&names.queries) {
        let target = match query.is_read() {
            true => "Reads",
            false => "Runs",
        };
        let param = |(it, name): (&Field, &String)| format!(", {name}: {}", param_type(it.of));
        let params: String = query.params.iter().zip(&names.params).map(param).collect();
        let values = match names.params.is_empty() {
            true => "Params::default()".to_owned(),
            false => format!("ubiqlite::params![{}]", names.params.join(", ")),
        };
        let (sql, row) = (quoted(&query.sql), &names.row);
        let (result, call) = match query.command {
            Command::One => (format!("Option<{row}>"), format!("db.first({sql}, {values}).await")),
            Command::Many => (format!("Vec<{row}>"), format!("db.all({sql}, {values}).await")),
            Command::Exec => {
                ("()".to_owned(), format!("db.execute({sql}, {values}).await.map(|_| ())"))
            }
            Command::ExecRows => (
                "u64".to_owned(),
                format!("db.execute({sql}, {values}).await.map(|done| done.rows_changed)"),
            ),
            Command::ExecLastId => (
                "i64".to_owned(),
                format!("db.execute({sql}, {values}).await.map(|done| done.last_row_id)"),
            ),
        };
        body.push_str(&format!(
            "\n/// Runs `{}`.\npub async fn {}(db: impl {target}{params}) -> Result<{result}> {{\n    {call}\n}}\n",
            query.name, names.function
        ));
    }
    let mut out = format!(
        "// {HEADER}\n#![allow(clippy::all, dead_code, non_snake_case, non_camel_case_types, missing_docs, unreachable_pub)]\n\n"
    );
    if !model.queries.is_empty() {
        out.push_str("use std::future::Future;\n\n");
    }
    if body.contains("#[derive(") {
        out.push_str("use serde::{Deserialize, Serialize};\n");
    }
    if !model.queries.is_empty() {
        out.push_str("use ubiqlite::{FromRow, Params, Result};\n");
        out.push_str(TRAITS);
    }
    out + &body
}

/// A literal as Rust writes it.
fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn field_type(of: Type) -> String {
    let one = match of.kind {
        Kind::Integer => "i64",
        Kind::Real => "f64",
        Kind::Text => "String",
        Kind::Blob => "Vec<u8>",
        Kind::Boolean => "bool",
        Kind::Any => return "ubiqlite::Value".to_owned(),
    };
    optional(one, of)
}

fn param_type(of: Type) -> String {
    let one = match of.kind {
        Kind::Text => "&str",
        Kind::Blob => "&[u8]",
        Kind::Any => return "impl ubiqlite::IntoValue".to_owned(),
        _ => return field_type(of),
    };
    optional(one, of)
}

fn optional(one: &str, of: Type) -> String {
    if of.nullable { format!("Option<{one}>") } else { one.to_owned() }
}
