//! Doing what a plan says, with this library and with plain SQLite.

use rusqlite::ErrorCode;
use ubiqlite::{Database, Error, ErrorKind, params};

use crate::plan::{Part, Plan};

/// Does it with the library. What is refused is part of the plan; a broken database is not.
pub(crate) async fn with_library(db: &Database, plan: &Plan) {
    match plan {
        Plan::One(sql) => allow(db.execute(sql, ()).await),
        Plan::Upkeep(sql) => allow(db.execute(sql, ()).await),
        Plan::Script(all) => allow(db.batch(all.join(";\n").as_str()).await),
        Plan::Many(sql, rows) => allow(db.execute_many(sql, rows.iter().copied()).await),
        Plan::Several(all) => {
            let asked: Vec<_> = all
                .iter()
                .map(|sql| {
                    let (db, sql) = (db.clone(), sql.clone());
                    tokio::spawn(async move { db.execute(&sql, ()).await })
                })
                .collect();
            for one in asked {
                allow(one.await.unwrap());
            }
        }
        Plan::Session(all) => {
            let mut session = match db.acquire().await {
                Ok(session) => session,
                Err(error) => return allow::<()>(Err(error)),
            };
            for sql in all {
                allow(session.execute(sql, ()).await);
            }
            if all.len() > 1 {
                // And a transaction in its own words.
                for sql in
                    ["BEGIN IMMEDIATE", &all[0], "SAVEPOINT s", &all[1], "RELEASE s", "COMMIT"]
                {
                    allow(session.execute(sql, ()).await);
                }
            }
        }
        Plan::Transaction(parts, kept) => {
            if let Err(error) = transaction(db, parts, *kept).await {
                allow::<()>(Err(error));
            }
        }
    }
}

async fn transaction(db: &Database, parts: &[Part], kept: bool) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    for part in parts {
        match part {
            Part::Do(sql) => allow(tx.execute(sql, ()).await),
            Part::Point(all, kept) => {
                let mut point = tx.begin_savepoint().await?;
                for sql in all {
                    allow(point.execute(sql, ()).await);
                }
                if *kept { point.release().await? } else { point.rollback().await? }
            }
        }
    }
    if kept { tx.commit().await } else { tx.rollback().await }
}

/// Raises the tick.
pub(crate) async fn tick_with_library(db: &Database, value: i64) {
    let sql = "UPDATE tick SET v = ? WHERE id = 1";
    db.execute(sql, params![value]).await.unwrap();
}

/// Accepts what a random statement may be answered with.
fn allow<T>(result: Result<T, Error>) {
    let Err(error) = result else { return };
    let broken = matches!(
        error.kind(),
        ErrorKind::Corrupt
            | ErrorKind::NotADatabase
            | ErrorKind::CannotOpen
            | ErrorKind::Io
            | ErrorKind::Internal
            | ErrorKind::Closed
            | ErrorKind::OutcomeUnknown
            | ErrorKind::DiskFull
            | ErrorKind::ReadOnly
            | ErrorKind::Unsupported
    );
    assert!(!broken, "{:?}: {error:?}", error.kind());
}

/// Does it with plain SQLite.
pub(crate) fn with_sqlite(db: &rusqlite::Connection, plan: &Plan) {
    let run = |sql: &str| allow_plain(db.execute_batch(sql));
    match plan {
        Plan::One(sql) => run(sql),
        Plan::Upkeep(sql) => run(sql),
        Plan::Script(all) => {
            run("BEGIN IMMEDIATE");
            run(&all.join(";\n"));
            end(db, true);
        }
        Plan::Many(sql, rows) => {
            run("BEGIN IMMEDIATE");
            for row in rows {
                allow_plain(db.execute(sql, [row.0, row.1]));
            }
            end(db, true);
        }
        Plan::Several(all) | Plan::Session(all) => all.iter().for_each(|sql| run(sql)),
        Plan::Transaction(parts, kept) => {
            run("BEGIN IMMEDIATE");
            for part in parts {
                match part {
                    Part::Do(sql) => run(sql),
                    Part::Point(all, kept) => {
                        run("SAVEPOINT s");
                        all.iter().for_each(|sql| run(sql));
                        if !db.is_autocommit() {
                            run(if *kept { "RELEASE s" } else { "ROLLBACK TO s; RELEASE s" });
                        }
                    }
                }
            }
            end(db, *kept);
        }
    }
}

/// Ends the transaction, unless an error has ended it.
fn end(db: &rusqlite::Connection, kept: bool) {
    if !db.is_autocommit() {
        db.execute_batch(if kept { "COMMIT" } else { "ROLLBACK" }).unwrap();
    }
}

fn allow_plain<T>(result: rusqlite::Result<T>) {
    let Err(error) = result else { return };
    let broken = matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::CannotOpen
                | ErrorCode::SystemIoFailure
                | ErrorCode::InternalMalfunction
                | ErrorCode::DiskFull
                | ErrorCode::ReadOnly
        )
    );
    assert!(!broken, "{error}");
}
