//! What there is in the database.

use std::io::Write;

use ubiqlite::Row;

use super::usage;
use crate::failure::Result;
use crate::output::Mode;
use crate::output::literal;
use crate::output::text::{visible, width};
use crate::shell::Shell;
use crate::splitter::Splitter;

/// Returns a condition for names like a pattern of `LIKE`, or of this name.
fn like(column: &str, pattern: &str) -> String {
    let mut text = Vec::new();
    // Nothing can go wrong in memory, nor can a text be anything but a literal.
    let _ = literal::write(
        &mut text,
        ubiqlite::ValueRef::Text(pattern.as_bytes()),
        literal::Encoding::Utf8,
    );
    let text = String::from_utf8_lossy(&text);
    format!("({column} LIKE {text} OR {column} = {text} COLLATE NOCASE)")
}

pub(super) fn tables(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    let wanted = match arguments {
        [] => "TRUE".to_owned(),
        [pattern] => like("t.name", pattern),
        _ => return Err(usage(".tables")),
    };
    let sql = format!(
        "SELECT iif(t.schema = 'main', t.name, t.schema || '.' || t.name) AS name
           FROM pragma_table_list AS t
          WHERE t.type IN ('table', 'view', 'virtual') AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
            AND {wanted} ORDER BY 1"
    );
    if !matches!(shell.style.mode, Mode::Table | Mode::List | Mode::Markdown | Mode::Line) {
        return shell.show(&sql);
    }
    let names: Vec<String> = shell.connection.open(false)?.query(&sql, ())?;
    let screen = shell.out.screen();
    let names: Vec<_> = names.iter().map(|name| visible(name, false)).collect();
    let widest = names.iter().map(|name| width(name)).max().unwrap_or(0) + 2;
    // Beside each other in a terminal, by columns as `ls` has them.
    let across = screen.width.map_or(1, |screen| (screen / widest).max(1));
    let down = names.len().div_ceil(across);
    for row in 0..down {
        let line: Vec<_> = names.iter().skip(row).step_by(down).collect();
        for (index, name) in line.iter().enumerate() {
            let pad = if index + 1 == line.len() { 0 } else { widest - width(name) };
            write!(shell.out, "{name}{:pad$}", "")?;
        }
        writeln!(shell.out)?;
    }
    Ok(())
}

pub(super) fn databases(shell: &mut Shell, _arguments: &[String], _rest: &str) -> Result<()> {
    shell.show("SELECT name, file FROM pragma_database_list ORDER BY seq")
}

pub(super) fn indexes(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    let wanted = match arguments {
        [] => "TRUE".to_owned(),
        [table] => like("t.name", table),
        _ => return Err(usage(".indexes")),
    };
    shell.show(&format!(
        "SELECT i.name AS \"index\", t.name AS \"table\",
                (SELECT group_concat(iif(c.desc, n || ' DESC', n), ', ') FROM
                    (SELECT coalesce(x.name, '(expression)') AS n, x.desc FROM pragma_index_xinfo(i.name, t.schema) AS x
                      WHERE x.key ORDER BY x.seqno) AS c) AS columns,
                iif(i.\"unique\", 'yes', 'no') AS \"unique\",
                iif(i.partial, 'yes', 'no') AS partial
           FROM pragma_table_list AS t, pragma_index_list(t.name, t.schema) AS i
          WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND {wanted}
          ORDER BY t.name, i.name"
    ))
}

pub(super) fn schema(shell: &mut Shell, arguments: &[String], _rest: &str) -> Result<()> {
    let wanted = match arguments {
        [] => "TRUE".to_owned(),
        [table] => like("m.tbl_name", table),
        _ => return Err(usage(".schema")),
    };
    let open = shell.connection.open(false)?;
    let databases: Vec<String> =
        open.query("SELECT name FROM pragma_database_list ORDER BY seq", ())?;
    let mut all = Vec::new();
    for database in databases {
        let database = literal::name(&database);
        // Those of virtual tables come with them. A table comes before what belongs to it.
        let sql = format!(
            "SELECT m.sql FROM {database}.sqlite_schema AS m
              WHERE m.sql IS NOT NULL AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND {wanted}
                AND m.name NOT IN (SELECT name FROM pragma_table_list WHERE type = 'shadow')
              ORDER BY (SELECT min(o.rowid) FROM {database}.sqlite_schema AS o
                         WHERE o.tbl_name = m.tbl_name), m.type NOT IN ('table', 'view'), m.rowid"
        );
        all.extend(open.query::<Row>(&sql, ())?);
    }
    let terminal = shell.out.screen().width.is_some();
    for row in all {
        let sql = ended(row.get(0)?);
        let sql = if terminal { visible(&sql, true) } else { sql.as_str().into() };
        writeln!(shell.out, "{sql}")?;
    }
    Ok(())
}

/// Returns a statement of the schema with its semicolon, which must not be in a comment.
pub(crate) fn ended(sql: &str) -> String {
    let all = [";", "\n;", "*/;"].map(|end| format!("{sql}{end}"));
    let [first, ..] = &all;
    all.iter().find(|sql| Splitter::is_complete(sql)).unwrap_or(first).clone()
}
