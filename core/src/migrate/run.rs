//! Applies and undoes migrations, one transaction each.

use std::time::Duration;

use super::ledger::{self, How};
use super::patience::Patience;
use super::report::{MigrationAction, MigrationStep};
use super::{adopt, drift, rebuild};
use crate::api::database::Database;
use crate::api::session::Session;
use crate::backend::Control;
use crate::error::{Error, ErrorKind, Result};
use crate::migrations::{Action, Entry, Headers, Migration, Migrations, Part, Script};
use crate::migrations::{explain, line_of, plan, plan_back};
use crate::platform;
use crate::program::{Access, Begin, Program, Step};
use crate::row::Row;

/// How far to go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal {
    /// The last migration to have, if not all.
    pub(super) last: Option<u64>,
    /// Everything is rolled back.
    pub(super) dry: bool,
}

/// What to do next.
enum Next<'a> {
    Forth(Action<'a>),
    Back(Entry),
}

/// What one transaction came to.
enum Outcome<'a> {
    /// There was nothing to do.
    Nothing,
    /// It is done, once the transaction is committed.
    Done(Vec<MigrationStep>),
    /// It is noted as begun, and runs after the commit.
    Alone(&'a Migration),
    /// Somebody has begun it, and may be at it.
    Wait,
}

/// How long somebody who has begun a migration that runs alone may do nothing: between the note in
/// the ledger and the statement, or after it. While the statement runs it holds the lock. Then that
/// program is taken for dead.
const BETWEEN: Duration = Duration::from_secs(2);

pub(super) async fn carry_out(
    db: &Database,
    migrations: &Migrations,
    goal: Goal,
) -> Result<Vec<MigrationStep>> {
    let mut patience = Patience::new(db, migrations);
    let ledger = patience.read().await?;
    let adopted = match ledger {
        Some(_) => Vec::new(),
        None => adopt::applied(db.target(), migrations).await?,
    };
    let ledger = ledger.unwrap_or_else(|| adopted.iter().map(|it| Entry::of(it)).collect());
    let (back, forth) = planned(migrations, &ledger, goal)?;
    if adopted.is_empty() && back.is_empty() && forth.is_empty() {
        return Ok(Vec::new());
    }
    check(&forth)?;
    let mut session = db.acquire().await?;
    let checks = session.query_value::<bool>("PRAGMA foreign_keys", ()).await?;
    // The connection is closed after the session, so this is not put back.
    session.execute("PRAGMA foreign_keys = OFF", ()).await?;
    if session.query_value::<bool>("PRAGMA foreign_keys", ()).await? {
        return Err(Error::new(ErrorKind::Internal, "foreign keys could not be switched off"));
    }
    let mut runner = Runner { session, migrations, goal, checks, begun: None, waiting: None };
    let mut steps = Vec::new();
    let mut since = platform::now();
    loop {
        match runner.transaction(&mut steps).await {
            Ok(true) => {
                patience.renew();
                platform::coop::between_parts(&mut since).await;
            }
            Ok(false) => return Ok(steps),
            Err(error) => {
                let _ = runner.session.control(Control::Rollback).await;
                let error = runner.explain(error).await;
                patience.after(error).await?;
            }
        }
    }
}

/// Returns what there is to undo, the last first, and then to apply.
fn planned<'a, 'l>(
    migrations: &'a Migrations,
    ledger: &'l [Entry],
    goal: Goal,
) -> Result<(Vec<&'l Entry>, Vec<Action<'a>>)> {
    let Some(last) = goal.last else { return Ok((Vec::new(), plan(migrations, ledger, None)?)) };
    let back = plan_back(ledger, last);
    let kept = &ledger[..ledger.len() - back.len()];
    let forth = plan(migrations, kept, Some(last))?;
    Ok((back, forth))
}

/// Checks the files that are to run, before any of them does.
fn check(forth: &[Action<'_>]) -> Result<()> {
    for action in forth {
        if let Action::Apply(migration) = action {
            migration.script()?;
            if let Some(down) = &migration.down {
                down_script(down).map_err(|error| migration.explain(error.prefixed("way back")))?;
            }
        }
    }
    Ok(())
}

fn down_script(down: &str) -> Result<Script> {
    Script::new(down, &Headers::parse(down)?, false)
}

struct Runner<'a> {
    session: Session,
    migrations: &'a Migrations,
    goal: Goal,
    /// Foreign keys are enforced in this database, and so checked.
    checks: bool,
    /// The migration that this one has begun.
    begun: Option<u64>,
    /// The migration that another has begun, and since when that is known.
    waiting: Option<(u64, Duration)>,
}

impl<'a> Runner<'a> {
    /// Does the next thing in a transaction of its own, or in a dry run everything in one. Returns
    /// whether there may be more to do.
    async fn transaction(&mut self, steps: &mut Vec<MigrationStep>) -> Result<bool> {
        self.session.control(Control::Begin(Begin::Immediate)).await?;
        let outcome = match self.goal.dry {
            true => {
                steps.clear();
                loop {
                    match self.inside().await? {
                        Outcome::Done(done) => steps.extend(done),
                        _ => break Outcome::Nothing,
                    }
                }
            }
            false => self.inside().await?,
        };
        match outcome {
            Outcome::Nothing => {
                self.session.control(Control::Rollback).await?;
                Ok(false)
            }
            Outcome::Wait => {
                self.session.control(Control::Rollback).await?;
                platform::sleep(Duration::from_millis(20)).await;
                Ok(true)
            }
            Outcome::Done(done) => {
                self.session.control(Control::Commit).await?;
                steps.extend(done);
                Ok(true)
            }
            Outcome::Alone(migration) => {
                self.session.control(Control::Commit).await?;
                self.begun = Some(migration.number);
                steps.push(self.alone(migration).await?);
                Ok(true)
            }
        }
    }

    /// Says of rows without a parent if there were some before.
    async fn explain(&mut self, error: Error) -> Error {
        if error.kind() != ErrorKind::ForeignKeyViolation {
            return error;
        }
        match self.check_foreign_keys().await {
            Err(before) if before.kind() == ErrorKind::ForeignKeyViolation => error.followed(
                "some such rows were there before it too; delete or complete them, in a migration before this one",
            ),
            _ => error,
        }
    }

    /// Does the next thing, inside a transaction.
    async fn inside(&mut self) -> Result<Outcome<'a>> {
        // Others may have done something since it was last read.
        let entries = match ledger::read(self.session.target()).await? {
            Some(entries) => entries,
            None => {
                ledger::create(&mut self.session).await?;
                let steps = self.adopt().await?;
                if !steps.is_empty() {
                    return Ok(Outcome::Done(steps));
                }
                Vec::new()
            }
        };
        let Some((next, last)) = self.next(&entries).await? else { return Ok(Outcome::Nothing) };
        let began = platform::now();
        let step = match next {
            Next::Back(entry) => {
                let mut step = self.undo(&entry).await?;
                step.took = Some(elapsed(began));
                step
            }
            Next::Forth(action) => {
                let migration = action.migration();
                let mut step = MigrationStep::planned(action);
                match action {
                    Action::AcceptEdit(_) => ledger::restamp(&mut self.session, migration).await?,
                    Action::Note(_) => {
                        ledger::write(&mut self.session, migration, How::Noted).await?;
                    }
                    Action::Apply(_) if !migration.headers.alone => {
                        self.apply(migration).await.map_err(|error| migration.explain(error))?;
                        let took = elapsed(began);
                        step.took = Some(took);
                        let how = How::Ran(micros(took));
                        ledger::write(&mut self.session, migration, how).await?;
                    }
                    Action::Apply(_) if self.goal.dry => {
                        ledger::write(&mut self.session, migration, How::Noted).await?;
                    }
                    Action::Apply(_) => {
                        let begun = entries.iter().any(|it| it.begun && it.number == step.number);
                        if begun && self.may_be_at_it(step.number) {
                            return Ok(Outcome::Wait);
                        }
                        ledger::write(&mut self.session, migration, How::Begun).await?;
                        return Ok(Outcome::Alone(migration));
                    }
                }
                step
            }
        };
        if last && !self.goal.dry {
            self.keep_schema().await?;
        }
        Ok(Outcome::Done(vec![step]))
    }

    /// Notes what another tool has done.
    async fn adopt(&mut self) -> Result<Vec<MigrationStep>> {
        let adopted = adopt::applied(self.session.target(), self.migrations).await?;
        for migration in &adopted {
            ledger::write(&mut self.session, migration, How::Noted).await?;
        }
        if !adopted.is_empty() && !self.goal.dry {
            self.keep_schema().await?;
        }
        Ok(adopted.into_iter().map(|it| MigrationStep::planned(Action::Note(it))).collect())
    }

    /// Returns what to do next, and whether it is the last thing to do.
    async fn next(&mut self, entries: &[Entry]) -> Result<Option<(Next<'a>, bool)>> {
        let (back, forth) = planned(self.migrations, entries, self.goal)?;
        let last = back.len() + forth.len() == 1;
        if let Some(entry) = back.first() {
            for entry in &back {
                self.check_way_back(entry, &back).await?;
            }
            return Ok(Some((Next::Back((*entry).clone()), last)));
        }
        Ok(forth.first().map(|action| (Next::Forth(*action), last)))
    }

    /// Checks that a migration can be undone, by itself or by the one that stands for it.
    async fn check_way_back(&mut self, entry: &Entry, all: &[&Entry]) -> Result<()> {
        let undone = all.iter().any(|other| {
            other.number != entry.number
                && other.replaces.as_ref().is_some_and(|it| it.contains(entry.number))
        });
        if undone || ledger::down(&mut self.session, entry.number).await?.is_some() {
            return Ok(());
        }
        Err(explain(
            &entry.name,
            Error::invalid("it can't be undone, since it was applied without a .down.sql"),
        ))
    }

    async fn apply(&mut self, migration: &Migration) -> Result<()> {
        let script = migration.script()?;
        self.run(&migration.text, &script).await?;
        self.check_foreign_keys().await
    }

    async fn undo(&mut self, entry: &Entry) -> Result<MigrationStep> {
        let placed = |error: Error| explain(&entry.name, error.prefixed("undoing it"));
        let down = ledger::down(&mut self.session, entry.number).await?.unwrap_or_default();
        let script = down_script(&down).map_err(placed)?;
        self.run(&down, &script).await.map_err(placed)?;
        self.check_foreign_keys().await.map_err(placed)?;
        ledger::remove(&mut self.session, entry).await?;
        Ok(MigrationStep {
            number: entry.number,
            name: entry.name.clone(),
            action: MigrationAction::Revert,
            alone: false,
            took: None,
        })
    }

    /// Runs a migration that can't run in a transaction.
    async fn alone(&mut self, migration: &Migration) -> Result<MigrationStep> {
        let began = platform::now();
        if let Err(error) = self.script(&migration.text, 0..migration.text.len(), None).await {
            // It was undone by SQLite: nobody has to wait for it.
            let _ = ledger::forget_begun(&mut self.session, migration.number).await;
            return Err(migration.explain(error));
        }
        let took = elapsed(began);
        self.session.control(Control::Begin(Begin::Immediate)).await?;
        ledger::write(&mut self.session, migration, How::Ran(micros(took))).await?;
        let entries = ledger::read(self.session.target()).await?.unwrap_or_default();
        let (back, forth) = planned(self.migrations, &entries, self.goal)?;
        if back.is_empty() && forth.is_empty() {
            self.keep_schema().await?;
        }
        self.session.control(Control::Commit).await?;
        let mut step = MigrationStep::planned(Action::Apply(migration));
        step.took = Some(took);
        Ok(step)
    }

    /// Whether the one who has begun a migration may still be at it.
    fn may_be_at_it(&mut self, number: u64) -> bool {
        if self.begun == Some(number) {
            return false;
        }
        match self.waiting {
            Some((known, since)) if known == number => elapsed(since) < BETWEEN,
            _ => {
                self.waiting = Some((number, platform::now()));
                true
            }
        }
    }

    async fn keep_schema(&mut self) -> Result<()> {
        let schema = drift::describe(self.session.target()).await?;
        ledger::keep_schema(&mut self.session, &schema).await
    }

    async fn run(&mut self, text: &str, script: &Script) -> Result<()> {
        for part in &script.parts {
            match part {
                Part::Sql { range, legacy } => {
                    let on = if *legacy { "ON" } else { "OFF" };
                    let sql = format!("PRAGMA legacy_alter_table = {on}");
                    self.session.execute(&sql, ()).await?;
                    self.script(text, range.clone(), Some(script)).await?;
                }
                Part::Rebuild { table, range } => {
                    self.session.execute("PRAGMA legacy_alter_table = ON", ()).await?;
                    rebuild::table(&mut self.session, table, &text[range.clone()])
                        .await
                        .map_err(|error| at_line(error, text, range.start))?;
                }
            }
        }
        Ok(())
    }

    /// Runs a part of a text. An error has its line.
    async fn script(
        &mut self,
        text: &str,
        range: std::ops::Range<usize>,
        script: Option<&Script>,
    ) -> Result<()> {
        let step = Step::script(&text[range.clone()]);
        let program = Program { access: Access::Write, ..Program::one(step) };
        let Err(error) = self.session.target().run(program, None).await else { return Ok(()) };
        let (index, offset) = (error.index(), error.offset());
        let error = error.without_index();
        let statement = index.and_then(|index| script?.start(range.start, index));
        Err(match (offset, statement) {
            (Some(offset), _) => at_line(error.shifted(range.start), text, range.start + offset),
            (None, Some(at)) => at_line(error, text, at),
            (None, None) => error,
        })
    }

    /// Checks that every row has its parent.
    async fn check_foreign_keys(&mut self) -> Result<()> {
        if !self.checks {
            return Ok(());
        }
        let sql = "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check LIMIT 11";
        let orphans: Vec<Row> = self.session.query(sql, ()).await?;
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
}

fn at_line(error: Error, text: &str, at: usize) -> Error {
    error.prefixed(&format!("line {}", line_of(text, at)))
}

fn elapsed(since: Duration) -> Duration {
    platform::now().saturating_sub(since)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
