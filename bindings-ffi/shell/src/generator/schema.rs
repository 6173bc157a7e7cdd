//! The schema: of a database file, of a folder of migrations, or of a script, in a database in memory.

use std::path::Path;

use ubiqlite::{Database, Migrations};

use super::model::{Field, Kind, Table, Type};
use super::tokens::tokens;
use super::{files, rows};
use crate::commands::schema::ended;
use crate::connection::{Connection, Open};
use crate::failure::{Failure, Result, of_file};
use crate::wait::wait;

/// Makes a database in memory with the schema that `source` has.
pub(crate) fn load(source: &Path) -> Result<Database> {
    let options = Database::options().readers(1).sessions(1);
    if source.is_dir() {
        let migrations = Migrations::dir(source)?;
        if migrations.is_empty() {
            return Err(Failure::Message(format!("{} has no migrations", source.display())));
        }
        for file in files::found(source)? {
            let text = std::fs::read_to_string(&file).map_err(|error| of_file(&file, &error))?;
            refuse_files(&text, &file)?;
        }
        let db = wait(None, options.open(":memory:"))?;
        wait(Some(&db), db.migrations(&migrations).run())?;
        return Ok(db);
    }
    let statements = match source.extension().is_some_and(|it| it.eq_ignore_ascii_case("sql")) {
        true => {
            let text = std::fs::read_to_string(source).map_err(|error| of_file(source, &error))?;
            vec![text]
        }
        false => of_database(source)?,
    };
    for statement in &statements {
        refuse_files(statement, source)?;
    }
    let db = wait(None, options.open(":memory:"))?;
    for statement in statements {
        let placed = |failure| match failure {
            Failure::Database(error) => {
                let begin: String = statement.chars().take(60).collect();
                let line =
                    statement.bytes().take(error.offset().unwrap_or(0)).filter(|it| *it == b'\n');
                let message = error.message();
                Failure::Message(match source.extension().is_some_and(|it| it == "sql") {
                    true => format!("{}:{}: {message}", source.display(), line.count() + 1),
                    false => format!("{}: {message}, in `{begin}`", source.display()),
                })
            }
            other => other,
        };
        wait(Some(&db), db.batch(statement.as_str())).map_err(placed)?;
    }
    Ok(db)
}

/// Refuses the statements that open or make another file: the schema's are run.
fn refuse_files(text: &str, path: &Path) -> Result<()> {
    let all = tokens(text);
    for statement in all.split(|it| it.is_sign(";")) {
        let Some(first) = statement.first() else { continue };
        let copies = first.is("VACUUM") && statement.iter().any(|it| it.is("INTO"));
        if copies || first.is("ATTACH") {
            let what = if copies { "VACUUM INTO" } else { "ATTACH" };
            let line = text[..first.at].matches('\n').count() + 1;
            let message = format!("{what} is refused here: no other file is opened or made");
            return Err(files::at(&path.display().to_string(), line, &message));
        }
    }
    Ok(())
}

/// Returns the statements that made a database's tables and views.
fn of_database(path: &Path) -> Result<Vec<String>> {
    if !path.exists() {
        return Err(Failure::Message(format!("there is no {}", path.display())));
    }
    let mut connection = Connection::new(Some(path.to_owned()), true);
    let statements = connection.open(false).and_then(|open| {
        // Virtual tables make the tables of their data themselves.
        let sql = "SELECT m.sql FROM main.sqlite_schema AS m
             LEFT JOIN pragma_table_list AS t ON t.schema = 'main' AND t.name = m.name
            WHERE m.sql IS NOT NULL AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
              AND (t.type IS NULL OR t.type <> 'shadow')
              AND (SELECT s.type IS NOT 'shadow' FROM pragma_table_list AS s
                    WHERE s.schema = 'main' AND s.name = m.tbl_name)
            ORDER BY m.type = 'table' DESC, m.type = 'trigger', m.rowid";
        Open::query::<String>(open, sql, ())
    });
    connection.close()?;
    Ok(statements?.iter().map(|sql| ended(sql)).collect())
}

/// A column of a table: its name, declared type, whether it is `NOT NULL`, the rowid, computed.
type Column = (String, String, bool, bool, bool);

/// Returns the tables and views, sorted by name. The library's own are left out.
pub(crate) fn tables(db: &Database) -> Result<Vec<Table>> {
    let sql = "SELECT t.name, t.type, m.sql FROM pragma_table_list AS t, main.sqlite_schema AS m
        WHERE t.schema = 'main' AND m.name = t.name AND m.type IN ('table', 'view')
          AND t.type IN ('table', 'view', 'virtual')
          AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND t.name NOT LIKE 'ubiqlite\\_%' ESCAPE '\\'
        ORDER BY t.name";
    let found: Vec<(String, String, String)> = wait(Some(db), db.query(sql, ()))?;
    let table = |(name, kind, sql): (String, String, String)| {
        // An `INTEGER PRIMARY KEY` is the rowid unless SQLite has made an index for it.
        let columns = "SELECT c.name, c.type, c.\"notnull\",
                    c.pk = 1 AND upper(c.type) = 'INTEGER' AND l.type = 'table' AND NOT l.wr
                    AND NOT EXISTS (SELECT 1 FROM pragma_index_list(?1) WHERE origin = 'pk'),
                    c.hidden <> 0
               FROM pragma_table_xinfo(?1) AS c, pragma_table_list AS l
              WHERE l.schema = 'main' AND l.name = ?1 AND c.hidden <> 1 ORDER BY c.cid";
        let columns: Vec<Column> = wait(Some(db), db.query(columns, (name.as_str(),)))?;
        let enforced = kind == "table";
        let computed = columns.iter().any(|column| column.4);
        let field = |(name, declared, not_null, rowid, _): Column| {
            let kind = Kind::declared(Some(&declared));
            Field { name, of: Type::new(kind, !(enforced && (not_null || rowid))) }
        };
        let fields = columns.into_iter().map(field).collect();
        Ok(Table { name, enforced, fields, computed, view: (kind == "view").then_some(sql) })
    };
    let mut tables = found.into_iter().map(table).collect::<Result<Vec<_>>>()?;
    // SQLite gives a view's columns types for its own use, which are not those of the values.
    for index in 0..tables.len() {
        if tables[index].view.is_some() {
            let sql = format!("SELECT * FROM main.\"{}\"", tables[index].name.replace('"', "\"\""));
            let described = wait(Some(db), db.describe(&sql))?;
            tables[index].fields = rows::fields(&sql, &described, &tables);
        }
    }
    Ok(tables)
}
