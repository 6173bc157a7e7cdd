//! TypeScript.

use super::model::{Command, Field, Kind, Model, RowClass, Type};
use super::names::{Names, Rules, quoted};
use super::{HEADER, classes};

const RULES: Rules = Rules {
    camel: true,
    reserved: &[
        "abstract",
        "any",
        "arguments",
        "as",
        "async",
        "await",
        "boolean",
        "break",
        "case",
        "catch",
        "class",
        "const",
        "constructor",
        "continue",
        "debugger",
        "declare",
        "default",
        "delete",
        "do",
        "else",
        "enum",
        "eval",
        "export",
        "extends",
        "false",
        "finally",
        "for",
        "from",
        "function",
        "get",
        "if",
        "implements",
        "import",
        "in",
        "instanceof",
        "interface",
        "is",
        "let",
        "module",
        "namespace",
        "new",
        "null",
        "number",
        "object",
        "of",
        "package",
        "private",
        "protected",
        "public",
        "require",
        "return",
        "set",
        "static",
        "string",
        "super",
        "switch",
        "symbol",
        "this",
        "throw",
        "true",
        "try",
        "type",
        "typeof",
        "undefined",
        "unknown",
        "var",
        "void",
        "while",
        "with",
        "yield",
        "numbers",
    ],
    types: &[
        "Array",
        "BigInt",
        "Boolean",
        "CallOptions",
        "Database",
        "Number",
        "Object",
        "Pick",
        "Promise",
        "RangeError",
        "Reads",
        "Runs",
        "String",
        "Uint8Array",
        "Value",
        "T",
    ],
    locals: &[],
};

/// Writes the file. `bigint`: every INTEGER is a bigint.
pub(crate) fn write(model: &Model, bigint: bool) -> String {
    let names = Names::new(model, &RULES);
    let mut out = format!("// {HEADER}\n");
    if !model.queries.is_empty() {
        let value =
            model.queries.iter().any(|it| it.params.iter().any(|it| it.of.kind == Kind::Any));
        let value = if value { ", Value" } else { "" };
        out.push_str(&format!("import type {{ CallOptions, Database{value} }} from 'ubiqlite';\n"));
    }
    for (name, what, fields) in classes(model, &names) {
        out.push_str(&format!("\n/** {what} */\nexport interface {name} {{\n"));
        for field in fields {
            out.push_str(&format!(
                "  {}: {};\n",
                property(&field.name),
                row_type(field.of, bigint)
            ));
        }
        out.push_str("}\n");
    }
    if model.queries.is_empty() {
        return out;
    }
    out.push_str(
        "\n/** What runs queries: a database, a session, a transaction, a savepoint or a snapshot. */\n\
         export type Reads = Pick<Database, 'query' | 'queryOptional'>;\n\
         \n/** What also runs statements that write: anything but a snapshot. */\n\
         export type Runs = Pick<Database, 'query' | 'queryOptional' | 'execute'>;\n",
    );
    if !bigint
        && model.queries.iter().any(|it| it.command.has_rows() && !integers(&it.fields).is_empty())
    {
        out.push_str(
            "\n/** Refuses a row with an INTEGER that no number holds: generated with -bigint, all are bigints. */\n\
             function numbers<T extends object>(row: T, names: readonly (keyof T)[]): T {\n  \
             for (const name of names) {\n    \
             if (typeof row[name] === 'bigint') throw new RangeError(`${String(name)} is ${String(row[name])}, \
             which no number holds`);\n  }\n  return row;\n}\n",
        );
    }
    for (query, names) in model.queries.iter().zip(&names.queries) {
        let target = match query.is_read() {
            true => "Reads",
            false => "Runs",
        };
        let args: Vec<_> = query
            .params
            .iter()
            .map(|it| format!("{}: {}", property(&it.name), param_type(it.of)))
            .collect();
        let args = match args.is_empty() {
            true => String::new(),
            false => format!(", args: {{ {} }}", args.join("; ")),
        };
        let values: Vec<_> = query.params.iter().map(|it| access(&it.name)).collect();
        let call = format!("({}, [{}], options)", quoted(&query.sql, false), values.join(", "));
        let row = &names.row;
        let checked = if bigint { Vec::new() } else { integers(&query.fields) };
        let checked = checked.join(", ");
        let (result, body) = match query.command {
            Command::One if checked.is_empty() => {
                (format!("{row} | undefined"), format!("  return db.queryOptional<{row}>{call};\n"))
            }
            Command::One => (
                format!("{row} | undefined"),
                format!(
                    "  const row = await db.queryOptional<{row}>{call};\n  \
                     return row === undefined ? undefined : numbers(row, [{checked}]);\n"
                ),
            ),
            Command::Many if checked.is_empty() => {
                (format!("{row}[]"), format!("  return db.query<{row}>{call};\n"))
            }
            Command::Many => (
                format!("{row}[]"),
                format!(
                    "  const rows = await db.query<{row}>{call};\n  \
                     for (const row of rows) numbers(row, [{checked}]);\n  return rows;\n"
                ),
            ),
            Command::Exec => ("void".to_owned(), format!("  await db.execute{call};\n")),
            Command::ExecRows => {
                ("number".to_owned(), format!("  return (await db.execute{call}).rowsChanged;\n"))
            }
            Command::ExecLastId => (
                "number | bigint".to_owned(),
                format!("  return (await db.execute{call}).lastRowId;\n"),
            ),
        };
        out.push_str(&format!(
            "\n/** Runs `{}`. */\nexport async function {}(db: {target}{args}, options?: CallOptions): \
             Promise<{result}> {{\n{body}}}\n",
            query.name, names.function
        ));
        debug_assert!(query.row == RowClass::Own || query.command.has_rows());
    }
    out
}

/// Returns the names of the columns whose integers have to be numbers, as literals.
fn integers(fields: &[Field]) -> Vec<String> {
    // An INTEGER may be among the values of a `DECIMAL`.
    let is = |it: &&Field| matches!(it.of.kind, Kind::Integer | Kind::Real | Kind::Boolean);
    fields.iter().filter(is).map(|it| quoted(&it.name, false)).collect()
}

fn row_type(of: Type, bigint: bool) -> String {
    let one = match of.kind {
        Kind::Integer | Kind::Boolean if bigint => "bigint",
        Kind::Integer | Kind::Boolean => "number",
        // An INTEGER may be among them, as 20 for 20.0.
        Kind::Real if bigint => "number | bigint",
        Kind::Real => "number",
        Kind::Text => "string",
        Kind::Blob => "Uint8Array",
        Kind::Any => return "number | bigint | string | Uint8Array | null".to_owned(),
    };
    nullable(one, of)
}

fn param_type(of: Type) -> String {
    let one = match of.kind {
        Kind::Integer => "number | bigint",
        Kind::Real => "number | bigint",
        Kind::Text => "string",
        Kind::Blob => "Uint8Array",
        Kind::Boolean => "boolean",
        Kind::Any => return "Value".to_owned(),
    };
    nullable(one, of)
}

fn nullable(one: &str, of: Type) -> String {
    format!("{one}{}", if of.nullable { " | null" } else { "" })
}

fn is_identifier(name: &str) -> bool {
    let is_first = |it: char| it.is_ascii_alphabetic() || it == '_';
    name.starts_with(is_first) && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
}

/// A property may have any name, in quotes if need be.
fn property(name: &str) -> String {
    // `constructor` and `__proto__` mean something else without.
    let plain = is_identifier(name) && !RULES.reserved.contains(&name) && name != "__proto__";
    if plain { name.to_owned() } else { quoted(name, false) }
}

fn access(name: &str) -> String {
    match is_identifier(name) {
        true => format!("args.{name}"),
        false => format!("args[{}]", quoted(name, false)),
    }
}
