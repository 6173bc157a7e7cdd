//! Replays the acknowledged requests on plain SQLite.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::SCHEMA;
use super::ask::{Answer, Asked, Event, MANY, Refused, Statement, Trace, What};

/// Compares the rows that are left with those that must be left.
///
/// # Errors
/// The difference.
pub(super) fn check(trace: &Trace, rows: &[(i64, i64)]) -> Result<(), String> {
    refusals(trace)?;
    // For an end that was cancelled too late either outcome is right.
    let uncertain: Vec<u32> = trace
        .asked
        .iter()
        .filter(|asked| asked.given_up && asked.open_ended && asked.what.keeps())
        .map(|asked| asked.id)
        .collect();
    let mut first = None;
    for choice in 0..1u32 << uncertain.len() {
        let done = uncertain.iter().enumerate().filter(|(index, _)| choice >> index & 1 == 1);
        match Replay::new(done.map(|(_, id)| *id).collect())
            .run(trace)
            .and_then(|replay| replay.compare(trace, rows))
        {
            Ok(()) => return Ok(()),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or_default())
}

/// Checks that nothing was acknowledged that had to be refused.
fn refusals(trace: &Trace) -> Result<(), String> {
    let dropped: BTreeSet<u32> = trace
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Dropped(handle) => Some(*handle),
            Event::Asked(_) => None,
        })
        .collect();
    for asked in &trace.asked {
        let (Some(refused), Some(result)) = (asked.refused, &asked.result) else { continue };
        let right = match (refused, result.kind()) {
            // Withdrawn before its turn came.
            (_, Some("Cancelled")) => true,
            (Refused::Over, Some("Closed")) => true,
            (Refused::Covered(_), Some("InvalidArgument" | "Closed")) => true,
            // The handle that covered it was dropped before its turn came.
            (Refused::Covered(inner), _) => dropped.contains(&inner) || dropped.contains(&asked.on),
            (Refused::Over, _) => false,
        };
        if !right {
            return Err(format!("{asked:?} was to be refused"));
        }
    }
    Ok(())
}

struct Replay {
    plain: Connection,
    /// The transaction and its savepoints.
    open: Vec<u32>,
    sessions: BTreeSet<u32>,
    /// Acknowledged while a handle begun from theirs was open, which must then have been dropped.
    deferred: Vec<usize>,
    /// Ends that were cancelled but took place.
    done: BTreeSet<u32>,
    /// Something was cancelled, so the values of SQLite's counters are not known.
    fuzzy: bool,
}

impl Replay {
    fn new(done: BTreeSet<u32>) -> Self {
        let plain = Connection::open_in_memory().unwrap();
        plain.execute_batch(SCHEMA).unwrap();
        Self {
            plain,
            open: Vec::new(),
            sessions: BTreeSet::new(),
            deferred: Vec::new(),
            done,
            fuzzy: false,
        }
    }

    fn run(mut self, trace: &Trace) -> Result<Self, String> {
        self.fuzzy = trace.asked.iter().any(|asked| {
            let stopped = asked.result.as_ref().and_then(Answer::kind) == Some("Cancelled");
            let kept = asked.what.keeps() && asked.given_up;
            kept || (asked.what.writes() && (asked.given_up || stopped))
        });
        for event in &trace.events {
            let out_of_line = match event {
                Event::Asked(index) => {
                    self.asked(trace, *index)?;
                    let asked = &trace.asked[*index];
                    // A withdrawn end dropped its handle before the calls that waited behind it.
                    let kind = asked.result.as_ref().and_then(Answer::kind);
                    asked.what.ends() && (asked.given_up || kind == Some("Cancelled"))
                }
                Event::Dropped(handle) => {
                    self.undo(*handle);
                    true
                }
            };
            if out_of_line {
                for index in std::mem::take(&mut self.deferred) {
                    self.asked(trace, index)?;
                }
            }
        }
        match self.deferred.first() {
            None => Ok(self),
            Some(index) => {
                let asked = &trace.asked[*index];
                Err(format!("{asked:?} was done while what was begun from its handle was open"))
            }
        }
    }

    fn sql(&self, sql: &str) {
        self.plain.execute_batch(sql).unwrap();
    }

    /// Resets the last rowid, as when another user gets the connection.
    fn forget_row_id(&self) {
        // SAFETY: the connection is open.
        unsafe { rusqlite::ffi::sqlite3_set_last_insert_rowid(self.plain.handle(), 0) };
    }

    /// Returns whether SQLite has rolled the transaction back.
    fn is_lost(&self) -> bool {
        !self.open.is_empty() && self.plain.is_autocommit()
    }

    /// Undoes a handle, and all that was begun from it.
    fn undo(&mut self, handle: u32) {
        if self.sessions.remove(&handle)
            && let Some(transaction) = self.open.first().copied()
        {
            return self.undo(transaction);
        }
        let Some(index) = self.open.iter().position(|open| *open == handle) else { return };
        if !self.is_lost() {
            if index == 0 {
                self.sql("ROLLBACK");
            } else {
                self.sql(&format!("ROLLBACK TO s{handle}; RELEASE s{handle}"));
            }
        }
        self.open.truncate(index);
    }

    fn asked(&mut self, trace: &Trace, index: usize) -> Result<(), String> {
        let asked = &trace.asked[index];
        if asked.what.ends() {
            let well = match &asked.result {
                Some(result) => result.kind().is_none(),
                None => self.done.contains(&asked.id),
            };
            return self.end(asked, well && asked.what.keeps(), index);
        }
        let Some(result) = &asked.result else { return Ok(()) };
        // A statement refused by a constraint did run.
        let ran = matches!(result.kind(), None | Some("PrimaryKeyViolation"));
        if !ran || matches!(asked.what, What::Next | What::Interrupt | What::Stream(_)) {
            return Ok(());
        }
        if matches!(&asked.what, What::Many(values, _) if values.is_empty()) {
            // SQLite is not called.
            return Ok(());
        }
        if asked.on == 0 {
            self.forget_row_id();
        }
        let session = asked.on == 0 || self.sessions.contains(&asked.on);
        let innermost = match self.open.last() {
            Some(last) => *last == asked.on,
            None => session,
        };
        if !innermost {
            if !session && !self.open.contains(&asked.on) {
                return Err(format!("{asked:?} was done after the end of its handle"));
            }
            self.deferred.push(index);
            return Ok(());
        }
        if self.is_lost() {
            return Err(format!("{asked:?} was done in a transaction that SQLite has ended"));
        }
        match &asked.what {
            What::Acquire => {
                self.sessions.insert(asked.id);
            }
            What::Begin => {
                self.sql("BEGIN IMMEDIATE");
                self.open.push(asked.id);
            }
            What::Savepoint => {
                self.sql(&format!("SAVEPOINT s{}", asked.id));
                self.open.push(asked.id);
            }
            What::Run(statement) => self.statement(asked, statement, result)?,
            What::Many(values, _) => self.many(asked, values, result)?,
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, asked: &Asked, well: bool, index: usize) -> Result<(), String> {
        if !well {
            self.undo(asked.on);
            return Ok(());
        }
        if self.open.last() != Some(&asked.on) && self.open.contains(&asked.on) {
            self.deferred.push(index);
            return Ok(());
        }
        if self.is_lost() || self.open.last() != Some(&asked.on) {
            return Err(format!("{asked:?} was done, with {:?} open", self.open));
        }
        self.open.pop();
        match asked.what {
            What::Commit => self.sql("COMMIT"),
            _ => self.sql(&format!("RELEASE s{}", asked.on)),
        }
        Ok(())
    }

    fn statement(
        &self,
        asked: &Asked,
        statement: &Statement,
        result: &Answer,
    ) -> Result<(), String> {
        let half = matches!(statement, Statement::FailsHalf(_));
        if half {
            self.sql("SAVEPOINT half");
        }
        let done = match statement {
            Statement::Read => return Ok(()),
            _ => self.plain.execute(&statement.sql(), ()),
        };
        if half {
            self.sql("ROLLBACK TO half; RELEASE half");
        }
        match (done, result) {
            (Err(_), Answer::Failed(..)) => Ok(()),
            (Ok(_), Answer::Executed(changed, last)) => {
                let right = self.plain.changes();
                let inserted = matches!(statement, Statement::Insert(_));
                let row_id = if inserted { self.plain.last_insert_rowid() } else { 0 };
                if !self.fuzzy && (*changed, *last) != (right, row_id) {
                    return Err(format!("{asked:?}: right is ({right}, {row_id})"));
                }
                Ok(())
            }
            (done, _) => Err(format!("{asked:?}: plain SQLite says {done:?}")),
        }
    }

    fn many(&self, asked: &Asked, values: &[i64], result: &Answer) -> Result<(), String> {
        self.sql("SAVEPOINT many");
        let done = values.iter().try_for_each(|a| self.plain.execute(MANY, [a]).map(drop));
        if done.is_err() {
            self.sql("ROLLBACK TO many");
        }
        self.sql("RELEASE many");
        match (&done, result) {
            (Err(_), Answer::Failed(..)) => Ok(()),
            (Ok(()), Answer::Count(count)) if *count == values.len() as u64 => Ok(()),
            _ => Err(format!("{asked:?}: plain SQLite says {done:?}")),
        }
    }

    fn compare(&self, trace: &Trace, rows: &[(i64, i64)]) -> Result<(), String> {
        // A transaction still open when the client ends is rolled back.
        if !self.plain.is_autocommit() {
            self.sql("ROLLBACK");
        }
        let mut query = self.plain.prepare("SELECT a, n FROM t").unwrap();
        let right: BTreeMap<i64, i64> = query
            .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .map(|row| row.unwrap())
            .collect();
        let found: BTreeMap<i64, i64> = rows.iter().copied().collect();
        if !self.fuzzy && found == right {
            return Ok(());
        }
        let maybe = |a: &i64| {
            trace.asked.iter().filter(|asked| asked.open_ended).any(|asked| match &asked.what {
                What::Run(Statement::Insert(value)) => value == a,
                What::Many(values, _) => values.contains(a),
                _ => false,
            })
        };
        let same = |left: &BTreeMap<i64, i64>, right: &BTreeMap<i64, i64>| {
            left.keys().all(|a| right.contains_key(a) || maybe(a))
        };
        if self.fuzzy && same(&found, &right) && same(&right, &found) {
            return Ok(());
        }
        Err(format!("found {found:?}\nright {right:?}"))
    }
}
