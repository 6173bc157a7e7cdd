//! Triggers that a table's new form breaks. SQLite compiles the body of a trigger when a statement
//! fires it, and not when it is made.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::api::session::Session;
use crate::backend::Control;
use crate::error::{Error, Result};
use crate::migrations::trigger_event;
use crate::row::Row;
use crate::sql::quote_into;

/// A trigger that can't run.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) name: String,
    pub(super) error: Error,
}

/// Returns the triggers that can't run, each looked at by itself: a statement compiles all triggers
/// that it fires, and what these fire. So the others are dropped meanwhile, inside a savepoint.
pub(super) async fn broken(session: &mut Session) -> Result<Vec<Broken>> {
    let sql = "SELECT name, tbl_name, sql FROM main.sqlite_schema WHERE type = 'trigger'";
    let triggers: Vec<(String, String, String)> = session.query(sql, ()).await?;
    if triggers.is_empty() {
        return Ok(Vec::new());
    }
    session.control(Control::Savepoint(1)).await?;
    for (name, ..) in &triggers {
        session.execute(&drop_of(name)?, ()).await?;
    }
    let mut broken = Vec::new();
    for (name, table, sql) in triggers {
        let looked = match session.execute(&sql, ()).await {
            Ok(_) => compile(session, &table, trigger_event(&sql)).await,
            Err(error) => Err(error),
        };
        if let Err(error) = looked {
            broken.push(Broken { name: name.clone(), error });
        }
        let drop = drop_of(&name)?.replacen("DROP TRIGGER", "DROP TRIGGER IF EXISTS", 1);
        session.execute(&drop, ()).await?;
    }
    session.control(Control::RollbackTo(1)).await?;
    session.control(Control::Release(1)).await?;
    Ok(broken)
}

fn drop_of(name: &str) -> Result<String> {
    let mut sql = String::from("DROP TRIGGER main.");
    quote_into(&mut sql, name)?;
    Ok(sql)
}

/// How many statements were compiled.
static COMPILED: AtomicUsize = AtomicUsize::new(0);

/// Compiles a statement that fires the only trigger that there is, and does not run it.
async fn compile(session: &mut Session, table: &str, event: Option<&str>) -> Result<()> {
    let mut target = String::from("main.");
    quote_into(&mut target, table)?;
    let sql = "SELECT name FROM pragma_table_xinfo(?, 'main') WHERE hidden = 0";
    let mut set = String::new();
    for (column,) in session.query::<(String,)>(sql, (table,)).await? {
        set.push_str(if set.is_empty() { "" } else { ", " });
        quote_into(&mut set, &column)?;
        set.push_str(" = NULL");
    }
    // One that was compiled before, and is kept, would not notice that the schema is another now: it
    // never runs, and only then SQLite looks. So each has a text of its own.
    let number = COMPILED.fetch_add(1, Ordering::Relaxed);
    let statement = match event {
        Some("INSERT") => format!("EXPLAIN /* {number} */ INSERT INTO {target} DEFAULT VALUES"),
        Some("UPDATE") => format!("EXPLAIN /* {number} */ UPDATE {target} SET {set}"),
        _ => format!("EXPLAIN /* {number} */ DELETE FROM {target}"),
    };
    for row in session.query::<Row>(&statement, ()).await? {
        if row.get::<&str>(1)? == "Program" {
            return Ok(());
        }
    }
    Err(Error::invalid("no change of a column fires it, since the table lacks those that it names"))
}
