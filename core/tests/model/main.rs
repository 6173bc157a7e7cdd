//! Random operations, on this library and on plain rusqlite: they must return the same
//! results and errors, and leave the same rows.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod operations;
mod plain;
#[path = "../support/mod.rs"]
mod support;

use std::pin::Pin;

use fastrand::Rng;
use operations::{ALL, OnTable, Operation, SCHEMA, Step};
use plain::{Answer, Done, Failure, Plain};
use support::{cells, within};
use ubiqlite::{Batch, Database, Options, Row, Savepoint, Synchronous, Table, Transaction};

/// Runs an operation on a database, session, transaction or savepoint.
macro_rules! play {
    ($place:expr, $operation:expr) => {
        async {
            let done = match $operation {
                Operation::One(one) if one.reads => {
                    let rows: Vec<Row> = $place.query(one.sql, one.params.clone()).await?;
                    Done::Rows(cells(&rows))
                }
                Operation::One(one) => {
                    Done::of(one, $place.execute(one.sql, one.params.clone()).await?)
                }
                Operation::Batch(statements) => {
                    let list = statements.iter().map(|one| (one.sql, one.params.clone()));
                    let each = $place.batch(Batch::from_iter(list)).await?;
                    Done::Each(each.iter().map(|done| done.rows_changed).collect())
                }
                Operation::Many(sql, rows) => {
                    Done::Changed($place.execute_many(sql, rows.clone()).await?, None)
                }
                Operation::Transfer(transfers) => {
                    $place.table("accounts").transfer("balance", transfers.clone()).await?;
                    Done::Nothing
                }
                Operation::Table(operation, _) => {
                    let (OnTable::Insert(name, _)
                    | OnTable::Update(name, ..)
                    | OnTable::Delete(name, _)
                    | OnTable::Upsert(name, _)
                    | OnTable::Get(name, _)) = operation;
                    on_table($place.table(name), operation.clone()).await?
                }
            };
            Answer::Ok(done)
        }
    };
}

async fn on_table(table: Table<'_>, operation: OnTable) -> ubiqlite::Result<Done> {
    Ok(match operation {
        OnTable::Insert(_, record) => Done::Changed(1, table.insert(record).await?.as_i64()),
        OnTable::Upsert(_, record) => Done::Changed(1, table.upsert(record).await?.as_i64()),
        OnTable::Update(_, key, record) => {
            Done::Changed(table.update(key, record).await?.into(), None)
        }
        OnTable::Delete(_, key) => Done::Changed(table.delete(key).await?.into(), None),
        OnTable::Get(_, key) => Done::Rows(cells(table.get::<Row>(key).await?.as_slice())),
    })
}

/// Both sides, and a log of the operations so far, which is printed when they differ.
struct Game {
    plain: Plain,
    rng: Rng,
    told: Vec<String>,
}

impl Game {
    fn compare(&mut self, what: &str, ours: Answer, plain: Answer) {
        self.told.push(format!("{plain:?} <= {what}").chars().take(600).collect());
        let same = match (&ours, &plain) {
            // The rowid after an upsert that changed an existing row is not compared.
            (Ok(Done::Changed(ours, a)), Ok(Done::Changed(plain, b))) => {
                ours == plain && (a == b || what.contains("ON CONFLICT") || b.is_none())
            }
            _ => ours == plain,
        };
        assert!(same, "{}\n{ours:?}\nis not as plain\n{plain:?}", self.last());
    }

    fn last(&self) -> String {
        self.told[self.told.len().saturating_sub(12)..].join("\n")
    }

    async fn in_transaction(&mut self, tx: &mut Transaction<'_>, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Do(operation) => {
                    let ours = within("a step", play!(tx, &operation)).await;
                    let plain = self.plain.run(&operation, true);
                    self.compare(&format!("  {operation:?}"), ours, plain);
                }
                Step::Savepoint(steps, keep) => {
                    let plain = self.plain.control("SAVEPOINT s1");
                    match within("a savepoint", tx.begin_savepoint()).await {
                        Ok(sp) => {
                            assert_eq!(plain, Ok(()));
                            self.in_savepoint(sp, 1, steps, keep).await;
                        }
                        Err(error) => self.compare(
                            &format!("{error}"),
                            Err(error.into()),
                            plain.map(|()| Done::Nothing),
                        ),
                    }
                }
            }
        }
    }

    /// Runs a savepoint to its end.
    fn in_savepoint<'a>(
        &'a mut self,
        mut sp: Savepoint<'a>,
        depth: usize,
        steps: Vec<Step>,
        keep: bool,
    ) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        Box::pin(async move {
            for step in steps {
                match step {
                    Step::Do(operation) => {
                        let ours = within("a step", play!(sp, &operation)).await;
                        let plain = self.plain.run(&operation, true);
                        self.compare(&format!("    {depth} {operation:?}"), ours, plain);
                    }
                    Step::Savepoint(steps, keep) => {
                        let plain = self.plain.control(&format!("SAVEPOINT s{}", depth + 1));
                        match within("a savepoint", sp.begin_savepoint()).await {
                            Ok(inner) => {
                                assert_eq!(plain, Ok(()));
                                self.in_savepoint(inner, depth + 1, steps, keep).await;
                            }
                            Err(error) => self.compare(
                                &format!("{error}"),
                                Err(error.into()),
                                plain.map(|()| Done::Nothing),
                            ),
                        }
                    }
                }
            }
            let undo = format!("ROLLBACK TO s{depth}; RELEASE s{depth}");
            let (ours, plain) = if keep {
                (sp.release().await, self.plain.control(&format!("RELEASE s{depth}")))
            } else if self.rng.bool() {
                (sp.rollback().await, self.plain.control(&undo))
            } else {
                drop(sp);
                let _ = self.plain.control(&undo);
                return;
            };
            let ended = |ended: Result<(), Failure>| ended.map(|()| Done::Nothing);
            self.compare("end of a savepoint", ended(ours.map_err(Into::into)), ended(plain));
        })
    }

    /// Runs a whole transaction, begun on both sides.
    async fn transaction(&mut self, mut tx: Transaction<'_>) {
        let steps = operations::steps(&mut self.rng, 0);
        self.in_transaction(&mut tx, steps).await;
        let (what, ours, plain) = match self.rng.u8(0..4) {
            0 => (
                "ROLLBACK",
                within("a rollback", tx.rollback()).await,
                self.plain.control("ROLLBACK"),
            ),
            1 => {
                drop(tx);
                // A drop reports nothing, whether or not SQLite had ended the transaction.
                let _ = self.plain.control("ROLLBACK");
                return;
            }
            _ => ("COMMIT", within("a commit", tx.commit()).await, self.plain.control("COMMIT")),
        };
        let ended = |ended: Result<(), Failure>| ended.map(|()| Done::Nothing);
        self.compare(what, ended(ours.map_err(Into::into)), ended(plain));
    }

    async fn turn(&mut self, db: &Database) {
        match self.rng.u8(0..10) {
            0..3 => {
                let tx = within("a transaction", db.begin()).await.unwrap();
                self.plain.control("BEGIN IMMEDIATE").unwrap();
                self.transaction(tx).await;
            }
            3 => {
                let mut session = within("a session", db.acquire()).await.unwrap();
                let operation = operations::operation(&mut self.rng);
                let ours = within("an operation", play!(session, &operation)).await;
                let plain = self.plain.run(&operation, false);
                self.compare(&format!("in a session {operation:?}"), ours, plain);
                let tx = within("its transaction", session.begin()).await.unwrap();
                self.plain.control("BEGIN IMMEDIATE").unwrap();
                self.told.push("in a session's transaction".into());
                self.transaction(tx).await;
            }
            _ => {
                let operation = operations::operation(&mut self.rng);
                let ours = within("an operation", play!(db, &operation)).await;
                let plain = self.plain.run(&operation, false);
                self.compare(&format!("{operation:?}"), ours, plain);
            }
        }
    }

    async fn same_rows(&mut self, db: &Database) {
        let plain = self.plain.dump(ALL);
        for (sql, plain) in ALL.iter().zip(plain) {
            let rows: Vec<Row> = if self.rng.bool() {
                within("a dump", db.query(sql, ())).await.unwrap()
            } else {
                within("a stream", db.stream(sql, ()).collect()).await.unwrap()
            };
            assert_eq!(cells(&rows), plain, "{sql} after\n{}", self.last());
        }
    }
}

async fn play_seed(options: Options, name: &str, seed: u64, turns: usize) {
    println!("UBIQLITE_SEED={seed} {options:?}");
    let dir = tempfile::tempdir().unwrap();
    let path = if name == ":memory:" { name.into() } else { dir.path().join(name) };
    let db = within("opening", options.open(path)).await.unwrap();
    within("the schema", db.batch(SCHEMA)).await.unwrap();
    let plain = Plain::open(&dir.path().join("plain.db"), SCHEMA);
    let mut game = Game { plain, rng: Rng::with_seed(seed), told: Vec::new() };
    for turn in 0..turns {
        if name != ":memory:" && turn % 8 == 0 {
            let before = game.plain.dump(ALL);
            let snapshot = within("a snapshot", db.snapshot()).await.unwrap();
            for _ in 0..game.rng.u8(0..4) {
                game.turn(&db).await;
            }
            for (sql, before) in ALL.iter().zip(before) {
                let rows: Vec<Row> = within("a read", snapshot.query(sql, ())).await.unwrap();
                assert_eq!(cells(&rows), before, "a snapshot moved under {}", game.last());
            }
        }
        game.turn(&db).await;
        game.same_rows(&db).await;
    }
    within("closing", db.close()).await.unwrap();
}

/// Returns `count` random seeds, or the one given by the environment.
fn seeds(count: usize) -> Vec<u64> {
    match std::env::var("UBIQLITE_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..count).map(|_| fastrand::u64(..)).collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_done_to_a_file_ends_as_in_plain_sqlite() {
    for seed in seeds(4) {
        play_seed(Database::options(), "full.db", seed, 120).await;
        let options = Database::options().synchronous(Synchronous::Normal).statement_cache(3);
        play_seed(options, "normal.db", seed, 250).await;
        play_seed(Database::options().readers(1).inline(false), "threads.db", seed, 120).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_done_in_memory_ends_as_in_plain_sqlite() {
    for seed in seeds(4) {
        play_seed(Database::options(), ":memory:", seed, 250).await;
    }
}
