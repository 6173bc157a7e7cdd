//! Rows without the parent that their foreign key names: a migration must not leave more of them
//! than there were.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::row::Row;

/// Checks what each migration leaves. Looking for orphans reads all children, so it is done after a
/// migration alone until one has left some: then that one is undone and runs again, counted before
/// and after.
#[derive(Debug)]
pub(super) struct OrphanCheck {
    /// Foreign keys are enforced in this database, and so checked.
    checks: bool,
    /// They are counted before a migration too.
    counts: bool,
}

/// What there was before a migration.
#[derive(Debug, Default)]
pub(super) struct Before {
    tables: BTreeSet<String>,
    orphans: BTreeMap<String, i64>,
}

impl OrphanCheck {
    pub(super) fn new(checks: bool) -> Self {
        Self { checks, counts: false }
    }

    /// Looks whether there are some before the migration that has just failed because of them and was
    /// undone. Returns whether it is to run again, counted.
    pub(super) async fn look_before(&mut self, session: &mut Session) -> Result<bool> {
        if self.counts {
            return Ok(false);
        }
        let sql = "SELECT EXISTS (SELECT 1 FROM pragma_foreign_key_check)";
        self.counts = session.query_value(sql, ()).await?;
        Ok(self.counts)
    }

    /// Returns what there is before a migration.
    pub(super) async fn before(&self, session: &mut Session) -> Result<Before> {
        if !self.checks || !self.counts {
            return Ok(Before::default());
        }
        Ok(Before { tables: tables(session).await?, orphans: counted(session).await? })
    }

    /// Checks that a migration has left no more than there were.
    ///
    /// # Errors
    /// `ForeignKeyViolation`, with the rows, or their number where there were some before.
    pub(super) async fn check(&self, session: &mut Session, before: Before) -> Result<()> {
        if !self.checks {
            return Ok(());
        }
        if before.orphans.is_empty() {
            return none(session).await;
        }
        // A table may have got another name: those that are gone and those that are new are counted
        // together. Within a table rows may have got other rowids, so only their number counts.
        let tables = tables(session).await?;
        let gone = before.orphans.iter().filter(|(table, _)| !tables.contains(*table));
        let mut renamed: i64 = gone.map(|(_, count)| count).sum();
        for (table, count) in counted(session).await? {
            let allowed = match before.tables.contains(&table) {
                true => before.orphans.get(&table).copied().unwrap_or(0),
                false => {
                    let allowed = renamed.min(count);
                    renamed -= allowed;
                    allowed
                }
            };
            if count > allowed {
                let message = format!(
                    "it leaves {count} rows of {table} that refer to nothing, where there were {allowed} before it, so it was undone"
                );
                return Err(Error::new(ErrorKind::ForeignKeyViolation, message).of_table(table));
            }
        }
        Ok(())
    }
}

/// Checks that every row has its parent.
async fn none(session: &mut Session) -> Result<()> {
    let sql = "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check LIMIT 11";
    let orphans: Vec<Row> = session.query(sql, ()).await?;
    let Some(first) = orphans.first() else { return Ok(()) };
    let table = first.get::<String>(0)?;
    let mut list = Vec::new();
    for orphan in orphans.iter().take(10) {
        let (child, parent) = (orphan.get::<&str>(0)?, orphan.get::<&str>(2)?);
        list.push(match orphan.get::<Option<i64>>(1)? {
            Some(row) => format!("row {row} of {child} has no row of {parent}"),
            None => format!("a row of {child} has no row of {parent}"),
        });
    }
    let more = if orphans.len() > list.len() { ", and more" } else { "" };
    let message = format!(
        "it leaves rows that refer to nothing, so it was undone: {}{more}",
        list.join(", ")
    );
    Err(Error::new(ErrorKind::ForeignKeyViolation, message).of_table(table))
}

/// The number of orphans of each table that has some.
async fn counted(session: &mut Session) -> Result<BTreeMap<String, i64>> {
    let sql = "SELECT \"table\", count(*) FROM pragma_foreign_key_check GROUP BY 1";
    Ok(session.query::<(String, i64)>(sql, ()).await?.into_iter().collect())
}

async fn tables(session: &mut Session) -> Result<BTreeSet<String>> {
    let sql = "SELECT name FROM main.sqlite_schema WHERE type = 'table'";
    let names = session.query::<(String,)>(sql, ()).await?;
    Ok(names.into_iter().map(|(name,)| name).collect())
}
