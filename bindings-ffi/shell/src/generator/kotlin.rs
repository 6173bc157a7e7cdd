//! Kotlin.

use super::model::{Command, Field, Kind, Model, Type};
use super::names::{Names, Rules, Taken, identifier, quoted};
use super::{HEADER, classes};

pub(crate) const RESERVED: &[&str] = &[
    "as",
    "break",
    "class",
    "continue",
    "do",
    "else",
    "false",
    "for",
    "fun",
    "if",
    "in",
    "interface",
    "is",
    "null",
    "object",
    "package",
    "return",
    "super",
    "this",
    "throw",
    "true",
    "try",
    "typealias",
    "typeof",
    "val",
    "var",
    "when",
    "while",
    // Its getter would be that of every object.
    "Class",
];

const RULES: Rules = Rules {
    camel: true,
    reserved: RESERVED,
    types: &[
        "Any",
        "Boolean",
        "ByteArray",
        "Contextual",
        "Double",
        "Int",
        "List",
        "Long",
        "Params",
        "Reader",
        "Row",
        "SerialName",
        "Serializable",
        "Statements",
        "String",
        "Unit",
    ],
    locals: &["db"],
};

/// Writes the file.
pub(crate) fn write(model: &Model, package: Option<&str>) -> String {
    let names = Names::new(model, &RULES);
    let classes = classes(model, &names);
    let mut body = String::new();
    for (name, what, fields) in &classes {
        body.push_str(&format!("\n/** {what} */\n@Serializable\npublic data class {name}(\n"));
        let mut taken = Taken::new(RESERVED);
        for (index, it) in fields.iter().enumerate() {
            let own = taken.take(&identifier(&it.name, &format!("column{}", index + 1)), "_");
            let renamed = match own == it.name {
                true => String::new(),
                false => format!("@SerialName({}) ", quoted(&it.name, true)),
            };
            let contextual = if it.of.kind == Kind::Any { "@Contextual " } else { "" };
            body.push_str(&format!("    {renamed}{contextual}val {own}: {},\n", property(it.of)));
        }
        body.push_str(")\n");
    }
    let mut readers: Vec<&str> = Vec::new();
    for (query, names) in model.queries.iter().zip(&names.queries) {
        let target = match query.is_read() {
            true => "Reader",
            false => "Statements",
        };
        let param = |(it, name): (&Field, &String)| format!(", {name}: {}", property(it.of));
        let params: String = query.params.iter().zip(&names.params).map(param).collect();
        let values = match names.params.is_empty() {
            true => String::new(),
            false => format!(", Params.of(listOf({}))", names.params.join(", ")),
        };
        let (sql, row) = (quoted(&query.sql, true), &names.row);
        let (result, call) = match query.command {
            Command::One => {
                (format!(": {row}?"), format!("db.queryOptional({sql}{values})?.let(::read_{row})"))
            }
            Command::Many => {
                (format!(": List<{row}>"), format!("db.query({sql}{values}).map(::read_{row})"))
            }
            Command::Exec => (String::new(), format!("db.execute({sql}{values})")),
            Command::ExecRows => {
                (": Long".to_owned(), format!("db.execute({sql}{values}).rowsChanged"))
            }
            Command::ExecLastId => {
                (": Long".to_owned(), format!("db.execute({sql}{values}).lastRowId"))
            }
        };
        let call = match query.command {
            Command::Exec => format!(" {{\n    {call}\n}}"),
            _ => format!(" =\n    {call}"),
        };
        body.push_str(&format!(
            "\n/** Runs `{}`. */\npublic suspend fun {}(db: {target}{params}){result}{call}\n",
            query.name, names.function
        ));
        if query.command.has_rows() && !readers.contains(&row.as_str()) {
            readers.push(row);
        }
    }
    for (name, _, fields) in classes.iter().filter(|it| readers.contains(&it.0)) {
        // By name: `SELECT *` may have more columns than when this was written.
        let values: Vec<_> = fields.iter().map(getter).collect();
        body.push_str(&format!(
            "\nprivate fun read_{name}(row: Row): {name} =\n    {name}({})\n",
            values.join(", ")
        ));
    }
    let mut out = format!("// {HEADER}\n\n");
    if let Some(package) = package {
        out.push_str(&format!("package {package}\n\n"));
    }
    let imports = [
        ("io.github.ubiqlite.Params", "Params.of("),
        ("io.github.ubiqlite.Reader", "db: Reader"),
        ("io.github.ubiqlite.Row", "row: Row"),
        ("io.github.ubiqlite.Statements", "db: Statements"),
        ("kotlinx.serialization.Contextual", "@Contextual "),
        ("kotlinx.serialization.SerialName", "@SerialName("),
        ("kotlinx.serialization.Serializable", "@Serializable\n"),
    ];
    for (import, _) in imports.iter().filter(|(_, used)| body.contains(used)) {
        out.push_str(&format!("import {import}\n"));
    }
    out + &body
}

fn property(of: Type) -> String {
    let one = match of.kind {
        Kind::Integer => "Long",
        Kind::Real => "Double",
        Kind::Text => "String",
        Kind::Blob => "ByteArray",
        Kind::Boolean => "Boolean",
        Kind::Any => "Any",
    };
    format!("{one}{}", if of.nullable { "?" } else { "" })
}

fn getter(field: &Field) -> String {
    let name = quoted(&field.name, true);
    let one = match field.of.kind {
        Kind::Integer => "long",
        Kind::Real => "double",
        Kind::Text => "string",
        Kind::Blob => "bytes",
        Kind::Boolean => "boolean",
        Kind::Any => return format!("row[{name}]"),
    };
    format!("row.{one}{}({name})", if field.of.nullable { "OrNull" } else { "" })
}
