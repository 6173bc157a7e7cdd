//! Applying a change set: one change after another, by SQLite, with what a policy decides where one
//! meets another.

use super::Connection;
use crate::error::Result;
use crate::program::StepOutcome;

#[cfg(not(sqlite_session))]
impl Connection {
    pub(super) fn apply_changes(&mut self, _step: &crate::sync::ApplyStep) -> Result<StepOutcome> {
        Err(super::outbox::unsupported())
    }
}

#[cfg(sqlite_session)]
mod conflicts;
#[cfg(sqlite_session)]
mod rebase;
#[cfg(sqlite_session)]
mod second;

#[cfg(sqlite_session)]
mod linked {
    use std::ffi::{c_int, c_void};

    use super::conflicts::{Applying, TargetTable, on_conflict};
    use super::{Connection, Result, StepOutcome};
    use crate::engine::changegroup::{self, length_of};
    use crate::engine::outbox::{Positions, TableShape};
    use crate::error::{Error, ErrorKind};
    use crate::ffi;
    use crate::ffi::session::{self, sqlite3changeset_apply_v2};
    use crate::sync::{Applied, ApplyStep, ChangesetPart, Policy, Reader, TableHeader};
    use crate::value::ValueRef;

    impl Connection {
        /// Applies a change set inside the open transaction, and makes what waits in the outbox
        /// stand on it.
        ///
        /// # Errors
        /// `InvalidArgument` for bytes that are no change set, or one of other tables than there
        /// are; `ConstraintViolation` where the policy is to abort; `ForeignKeyViolation`.
        /// Something may have been applied: it is up to the caller to undo it.
        pub(in crate::engine) fn apply_changes(&mut self, step: &ApplyStep) -> Result<StepOutcome> {
            self.renew_recorder();
            self.refuse_older()?;
            if self.recorder.as_ref().is_some_and(|it| it.context.outbox.borrow().has_entries()) {
                return Err(Error::invalid(
                    "a change set is applied before the transaction changes recorded tables",
                ));
            }
            let mut applying = Applying::default();
            let several = self.find_targets(step, &mut applying.targets)?;
            // Of a row that several sets change, one change is decided.
            let merged = match several {
                true => Some(changegroup::merge(Some(self.raw), &step.bytes)?),
                false => None,
            };
            let bytes = merged.as_deref().unwrap_or(&step.bytes);
            let triggers = self.set_triggers(false);
            self.mute_outbox(true);
            // SAFETY: the connection is open, and the context is what `on_conflict` expects.
            let applied =
                unsafe { apply_bytes(self.raw, bytes, on_conflict, (&raw mut applying).cast()) };
            // SAFETY: the connection is open and its last call failed.
            let failed = |code: c_int| unsafe {
                super::super::failure(self.raw, code, crate::error::Phase::Run)
            };
            let failure = match applied {
                Ok(ffi::SQLITE_OK) => None,
                Ok(code) => Some(failed(code)),
                Err(error) => Some(error),
            };
            let rest = match failure {
                None => self.take_columns(&mut applying),
                Some(_) => Ok(()),
            };
            // Whatever came of it: the connection records what comes next.
            self.mute_outbox(false);
            self.set_triggers(triggers);
            rest?;
            if applying.orphans && failure.is_none() {
                return Err(self.orphan());
            }
            if let Some(failure) = failure {
                return Err(match applying.refused {
                    Some(refused) => refused,
                    None if applying.orphans => self.orphan(),
                    None => failure,
                });
            }
            let rebased = self.rebase_outbox(bytes, &mut applying)?;
            if let Some(recorder) = &self.recorder {
                recorder.context.outbox.borrow_mut().note_applied();
            }
            let applied = Applied { conflicts: applying.conflicts, rebased };
            Ok(StepOutcome { applied: Some(Box::new(applied)), ..StepOutcome::default() })
        }

        /// Checks the bytes, and finds out what is to be known of the tables that they change.
        /// Returns whether there are several sets.
        fn find_targets(
            &mut self,
            step: &ApplyStep,
            targets: &mut Vec<TargetTable>,
        ) -> Result<bool> {
            let mut several = false;
            let mut reader = Reader::new(&step.bytes);
            while let Some(item) = reader.next()? {
                if item != ChangesetPart::Table {
                    continue;
                }
                let header = reader.table();
                let at = match targets.iter().position(|it| *it.table == *header.name) {
                    Some(known) => {
                        several = true;
                        known
                    }
                    None => {
                        let shape = self.target_shape(header.name)?;
                        let policy = step.apply.policy_of(header.name).clone();
                        let table = Box::from(header.name);
                        let blocked = Positions::default();
                        targets.push(TargetTable { table, shape, policy, newest: None, blocked });
                        targets.len() - 1
                    }
                };
                let TargetTable { shape, policy, newest, .. } = &mut targets[at];
                check_fit(&header, shape)?;
                if let Policy::Newest(column) = policy {
                    let found = shape.names.iter().position(|it| it.eq_ignore_ascii_case(column));
                    *newest = found.filter(|at| *at < header.keys.len());
                    if newest.is_none() {
                        return Err(Error::no_such_column(header.name, column));
                    }
                }
            }
            Ok(several)
        }

        fn target_shape(&mut self, table: &str) -> Result<TableShape> {
            let lower = table.to_ascii_lowercase();
            if lower.starts_with("sqlite_") || lower.starts_with("ubiqlite_") {
                return Err(Error::invalid(format!("a change set can't change {table}")));
            }
            let kind = self.own_text(
                "SELECT type FROM pragma_table_list(?1) WHERE schema = 'main'",
                &[ValueRef::Text(table.as_bytes())],
            )?;
            match kind.as_deref() {
                Some("table") => self.shape_of(table),
                Some(kind) => Err(Error::invalid(format!(
                    "a change set can't change {table}, which is a {kind} table or view"
                ))),
                None => Err(Error::no_such_table(table)),
            }
        }

        fn set_triggers(&mut self, on: bool) -> bool {
            let mut before: c_int = 0;
            // SAFETY: the connection is open; SQLite reads one integer and writes another.
            unsafe {
                ffi::sqlite3_db_config(
                    self.raw,
                    ffi::SQLITE_DBCONFIG_ENABLE_TRIGGER,
                    -1 as c_int,
                    &raw mut before,
                );
                ffi::sqlite3_db_config(
                    self.raw,
                    ffi::SQLITE_DBCONFIG_ENABLE_TRIGGER,
                    c_int::from(on),
                    std::ptr::null_mut::<c_int>(),
                );
            }
            before != 0
        }

        /// Returns the error for a row that lost, or never had, the row that it refers to.
        fn orphan(&mut self) -> Error {
            let which = self.own_text(
                "SELECT printf(': a row of %s%s would refer to none of %s', \"table\", ' with the rowid ' || rowid, parent) FROM pragma_foreign_key_check LIMIT 1",
                &[],
            );
            let which = which.ok().flatten().unwrap_or_default();
            Error::new(ErrorKind::ForeignKeyViolation, format!("nothing was applied{which}"))
        }
    }

    /// Applies a change set, without a savepoint of its own, and returns SQLite's code.
    ///
    /// # Safety
    /// The connection is open, and this thread alone uses it; `context` is what `decide` expects.
    pub(super) unsafe fn apply_bytes(
        raw: *mut ffi::sqlite3,
        bytes: &[u8],
        decide: session::ConflictHandler,
        context: *mut c_void,
    ) -> Result<c_int> {
        let length = length_of(bytes)?;
        // SAFETY: by the contract; SQLite reads the bytes, and calls back before it returns.
        Ok(unsafe {
            sqlite3changeset_apply_v2(
                raw,
                length,
                bytes.as_ptr().cast_mut().cast(),
                None,
                Some(decide),
                context,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                session::SQLITE_CHANGESETAPPLY_NOSAVEPOINT
                    | session::SQLITE_CHANGESETAPPLY_IGNORENOOP
                    | session::SQLITE_CHANGESETAPPLY_FKNOACTION,
            )
        })
    }

    /// Checks that a table here has what theirs has. More columns, at its end, do no harm.
    fn check_fit(theirs: &TableHeader<'_>, ours: &TableShape) -> Result<()> {
        let count = theirs.keys.len();
        let fits = ours.keys.get(..count).is_some_and(|keys| keys == theirs.keys)
            && ours.keys[count..].iter().all(|key| *key == 0);
        if fits {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::SchemaChanged,
            format!(
                "the change set is of a table {} with other columns or another key",
                theirs.name
            ),
        ))
    }
}
