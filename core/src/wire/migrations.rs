//! Migrations, for clients.
//!
//! What an operation on them has: a byte that says what to do, the number of the migration to go to
//! (8 bytes; 0 unless it is [`To`](Doing::To)), the sum of 1 if newer ones are allowed and 2 if edited
//! files are accepted, the time to wait for the lock in milliseconds (8 bytes, negative: the
//! default), the path by which the program is just opening the database (empty: it is open), and the
//! files: how many (4 bytes), and the name and text of each.
//!
//! The reply has rows of one column. For a step: the number, the name, what is done (0 applied, 1
//! undone, 2 noted, 3 accepted as edited), 1 if it runs alone, and the microseconds that it took or
//! null. For an applied one: the number, the name, when or null, the microseconds or null, 1 if it
//! breaks older programs, 1 if it can be undone, 1 if it is among the files. For a difference: the
//! object, 0 if it is missing, 1 if it was added, 2 if it is another, how many details, and those.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::cells::Cells;
use super::handles::CallTarget;
use super::numbers::op;
use super::read::{ByteReader, malformed};
use super::reply::Outcome;
use super::server::ServerInner;
use crate::api::table::uncommitted;
use crate::engine::too_new;
use crate::error::{Error, Result};
use crate::migrate::{AppliedMigration, Drift, DriftKind, MigrationAction, MigrationStep, of_path};
use crate::migrations::Migrations;
use crate::row::Rows;
use crate::value::ValueRef;

/// An operation on migrations.
#[derive(Debug)]
pub(super) struct MigrationOperation {
    doing: Doing,
    migrations: Migrations,
    /// What the program calls the database that it is opening: an error says it, as all errors of
    /// opening do.
    opens: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy)]
enum Doing {
    Pending,
    Applied,
    Verify,
    Rehearse,
    Run,
    DryRun,
    To(u64),
    /// Says which ones this client knows: it comes from an engine that is gone.
    Know,
}

impl MigrationOperation {
    /// Whether it changes something.
    pub(super) fn changes(&self) -> bool {
        matches!(self.doing, Doing::Run | Doing::To(_))
    }

    pub(super) fn read(operation: u8, from: &mut ByteReader<'_>) -> Result<Self> {
        let (doing, number) = (from.u8()?, from.i64()?);
        let doing = match (operation, doing) {
            (op::MIGRATIONS, 0) => Doing::Pending,
            (op::MIGRATIONS, 1) => Doing::Applied,
            (op::MIGRATIONS, 2) => Doing::Verify,
            (op::MIGRATIONS, 3) => Doing::Rehearse,
            (op::MIGRATE, 0) => Doing::Run,
            (op::MIGRATE, 1) => Doing::DryRun,
            (op::MIGRATE, 2) => Doing::To(u64::try_from(number).map_err(|_| {
                Error::invalid(format!("{number} is not the number of a migration"))
            })?),
            (op::MIGRATE, 3) => Doing::Know,
            _ => return Err(malformed()),
        };
        let (flags, patience) = (from.u8()?, from.i64()?);
        let opens = Some(from.str()?).filter(|path| !path.is_empty()).map(PathBuf::from);
        let mut files = Vec::new();
        for _ in 0..from.count()? {
            files.push((from.str()?.to_owned(), from.str()?.to_owned()));
        }
        let migrations =
            Migrations::new(files).map_err(|error| of_path(error, opens.as_deref()))?;
        let migrations = migrations.allow_newer(flags & 1 != 0).accept_edited(flags & 2 != 0);
        let migrations = match u64::try_from(patience) {
            Ok(millis) => migrations.lock_timeout(Duration::from_millis(millis)),
            Err(_) => migrations,
        };
        Ok(Self { doing, migrations, opens })
    }
}

/// What an operation on migrations came to.
pub(super) struct MigrationsEnd {
    rows: Rows,
    /// The greatest number among those that the client knows from now on; 0 if it has none.
    knows: Option<u64>,
    /// It only says which ones it knows, and is to learn whether they are enough.
    asks: bool,
}

impl MigrationOperation {
    /// Does it, on the database.
    pub(super) async fn run(
        mut self,
        on: &CallTarget,
        limit: Option<Duration>,
    ) -> Result<MigrationsEnd> {
        let opens = self.opens.take();
        self.carry_out(on, limit).await.map_err(|error| of_path(error, opens.as_deref()))
    }

    async fn carry_out(self, on: &CallTarget, limit: Option<Duration>) -> Result<MigrationsEnd> {
        let CallTarget::Database(database) = on else { return Err(uncommitted()) };
        let Self { doing, migrations, .. } = self;
        let database = database.limited(limit);
        let migrator = database.migrations(&migrations);
        let (mut cells, mut knows) = (Cells::default(), None);
        match doing {
            Doing::Pending => steps(&mut cells, &migrator.pending().await?),
            Doing::Applied => applied(&mut cells, &migrator.applied().await?),
            Doing::Verify => differences(&mut cells, &migrator.verify().await?),
            Doing::Rehearse => differences(&mut cells, &migrations.rehearse().await?),
            Doing::DryRun => steps(&mut cells, &migrator.dry_run().await?),
            Doing::Run | Doing::To(_) => {
                let done = match doing {
                    Doing::To(number) => migrator.to(number).await?,
                    _ => migrator.run().await?,
                };
                knows = Some(migrations.last().unwrap_or(0));
                steps(&mut cells, &done);
            }
            Doing::Know => {
                migrator.learn_breaking().await?;
                knows = Some(migrations.last().unwrap_or(0));
            }
        }
        Ok(MigrationsEnd { rows: cells.finish(), knows, asks: matches!(doing, Doing::Know) })
    }
}

impl ServerInner {
    /// Notes which migrations this client knows from now on.
    pub(super) fn note_migrations(&self, end: MigrationsEnd) -> Result<Outcome> {
        if let Some(knows) = end.knows {
            self.knows.store(knows, Ordering::Release);
        }
        if end.asks {
            self.check_schema()?;
        }
        Ok(Outcome::Rows(end.rows))
    }

    /// Refuses a client whose migrations lack one that breaks older programs, which another client
    /// has applied while this one had the database open.
    #[inline]
    pub(super) fn check_schema(&self) -> Result<()> {
        let knows = self.knows.load(Ordering::Relaxed);
        if knows == 0 {
            return Ok(());
        }
        let breaking = self.database.shared().known_migrations().and_then(|it| it.breaking());
        if breaking.is_none_or(|number| knows >= number) { Ok(()) } else { Err(too_new()) }
    }
}

fn flag(cells: &mut Cells, is: bool) {
    cells.count(usize::from(is));
}

fn number(cells: &mut Cells, number: u64) {
    cells.push(ValueRef::Integer(i64::try_from(number).unwrap_or(i64::MAX)));
}

fn text(cells: &mut Cells, text: &str) {
    cells.push(ValueRef::Text(text.as_bytes()));
}

fn took(cells: &mut Cells, took: Option<Duration>) {
    cells.push(took.map_or(ValueRef::Null, |took| {
        ValueRef::Integer(i64::try_from(took.as_micros()).unwrap_or(i64::MAX))
    }));
}

fn steps(cells: &mut Cells, steps: &[MigrationStep]) {
    for step in steps {
        number(cells, step.number);
        text(cells, &step.name);
        cells.count(match step.action {
            MigrationAction::Apply => 0,
            MigrationAction::Revert => 1,
            MigrationAction::Note => 2,
            MigrationAction::AcceptEdit => 3,
        });
        flag(cells, step.alone);
        took(cells, step.took);
    }
}

fn applied(cells: &mut Cells, applied: &[AppliedMigration]) {
    for it in applied {
        number(cells, it.number);
        text(cells, &it.name);
        let at = it.applied_at.as_ref();
        cells.push(at.map_or(ValueRef::Null, |at| ValueRef::Text(at.as_bytes())));
        took(cells, it.took);
        flag(cells, it.breaks_older);
        flag(cells, it.reversible);
        flag(cells, it.known);
    }
}

fn differences(cells: &mut Cells, found: &[Drift]) {
    for drift in found {
        text(cells, &drift.object);
        cells.count(match drift.kind {
            DriftKind::Missing => 0,
            DriftKind::Added => 1,
            DriftKind::Changed => 2,
        });
        cells.count(drift.details.len());
        drift.details.iter().for_each(|detail| text(cells, detail));
    }
}
