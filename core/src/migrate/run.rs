//! Applies and undoes migrations, one transaction each.

use std::time::Duration;

use super::ledger::{self, How};
use super::orphans::OrphanCheck;
use super::patience::Patience;
use super::report::{MigrationAction, MigrationStep};
use super::{adopt, drift, rebuild};
use crate::api::database::Database;
use crate::api::session::Session;
use crate::backend::Control;
use crate::error::{Error, ErrorKind, Result};
use crate::migrations::{Action, Entry, Headers, Migration, Migrations, Part, Script, Way};
use crate::migrations::{explain, line_of, plan, plan_back};
use crate::platform;
use crate::program::{Access, Begin, Program, Step};

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
    Back(Way, Entry),
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
    let orphans = OrphanCheck::new(checks);
    let mut runner = Runner { session, migrations, goal, orphans, begun: None, waiting: None };
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
                let orphans = error.kind() == ErrorKind::ForeignKeyViolation;
                if !(orphans && runner.orphans.look_before(&mut runner.session).await?) {
                    patience.after(error).await?;
                }
            }
        }
    }
}

/// What there is to undo, the last first, and then to apply.
type Planned<'a, 'l> = (Vec<(Way, &'l Entry)>, Vec<Action<'a>>);

/// Returns what there is to undo, and then to apply.
fn planned<'a, 'l>(
    migrations: &'a Migrations,
    ledger: &'l [Entry],
    goal: Goal,
) -> Result<Planned<'a, 'l>> {
    let Some(last) = goal.last else { return Ok((Vec::new(), plan(migrations, ledger, None)?)) };
    let back = plan_back(ledger, last);
    let kept = &ledger[..ledger.partition_point(|entry| entry.number <= last)];
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
    orphans: OrphanCheck,
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
            Next::Back(way, entry) => {
                let mut step = self.undo(way, &entry).await?;
                step.took = Some(elapsed(began));
                step
            }
            Next::Forth(action) => {
                let migration = action.migration();
                let mut step = MigrationStep::planned(action);
                match action {
                    Action::AcceptEdit(_) => ledger::restamp(&mut self.session, migration).await?,
                    Action::Note(_) => ledger::note(&mut self.session, migration).await?,
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
        if let Some((way, entry)) = back.first() {
            for (way, entry) in &back {
                self.check_way_back(*way, entry).await?;
            }
            return Ok(Some((Next::Back(*way, (*entry).clone()), last)));
        }
        Ok(forth.first().map(|action| (Next::Forth(*action), last)))
    }

    /// Checks that a migration can be undone.
    async fn check_way_back(&mut self, way: Way, entry: &Entry) -> Result<()> {
        if way == Way::Note || ledger::down(&mut self.session, entry.number, way).await?.is_some() {
            return Ok(());
        }
        Err(explain(
            &entry.name,
            Error::invalid("it can't be undone, since it was applied without a .down.sql"),
        ))
    }

    async fn apply(&mut self, migration: &Migration) -> Result<()> {
        let script = migration.script()?;
        let before = self.orphans.before(&mut self.session).await?;
        self.run(&migration.text, &script).await?;
        self.orphans.check(&mut self.session, before).await
    }

    async fn undo(&mut self, way: Way, entry: &Entry) -> Result<MigrationStep> {
        let placed = |error: Error| explain(&entry.name, error.prefixed("undoing it"));
        if way != Way::Note {
            let down = ledger::down(&mut self.session, entry.number, way).await?;
            let down = down.unwrap_or_default();
            let script = down_script(&down).map_err(placed)?;
            let before = self.orphans.before(&mut self.session).await?;
            self.run(&down, &script).await.map_err(placed)?;
            self.orphans.check(&mut self.session, before).await.map_err(placed)?;
        }
        ledger::remove(&mut self.session, entry, way).await?;
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
