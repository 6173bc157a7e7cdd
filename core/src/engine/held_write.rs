//! Writes of an open transaction that are certainly short, and may run on its holder's own thread.
//!
//! SQLite rolls back the whole transaction when it interrupts a statement that writes. So in a
//! transaction that must stay, such a statement can't be tried as inline work and given up when it
//! turns out to be long: its program has to show beforehand that it is short. That of an `INSERT` of
//! one row does, unless it fires triggers or replaces rows: each instruction runs at most once, none
//! visits a table, and no existing row, which may be of any length, is read or removed. What is not
//! known is how long the disk takes for the pages that the row goes into. It is waited for, as a
//! holder's reads do, and after a run that took long the next ones are left to the writer's thread.
//! <https://sqlite.org/opcode.html>

use std::ffi::c_int;
use std::time::{Duration, Instant};

use super::inline::{LONGEST_VALUE, READS_OFF_INLINE};
use super::{Connection, opcodes};
use crate::error::Result;
use crate::program::{Access, Fetch, Output, Program};
use crate::sql::Params;
use crate::value::ValueRef;

/// After a run that took longer, the next ones are left to the writer's thread.
#[cfg(not(test))]
fn long() -> Duration {
    Duration::from_micros(300)
}

/// The flag of `Insert` when it updates: `OPFLAG_ISUPDATE` in SQLite's source.
const UPDATES: i64 = 4;

/// `OE_Abort` in SQLite's source: an error undoes its statement, and nothing else.
const ABORT: i64 = 2;

/// Whether a statement is certainly short.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shortness {
    /// `None`: it is to run for the first time, and may never run again.
    is_short: Option<bool>,
    /// How often SQLite had compiled the statement again when that was found.
    compilations: c_int,
}

#[derive(Debug)]
struct Instruction {
    opcode: Box<str>,
    p1: i64,
    p2: i64,
    p3: i64,
    p5: i64,
}

impl Connection {
    /// Whether the program is a write of the open transaction's holder that is certainly short; must
    /// be called once for each that would be.
    pub(crate) fn may_write_held(&mut self, program: &Program<'_>) -> bool {
        let [step] = program.steps.as_slice() else { return false };
        let plain = step.extra.is_none() && program.schema.is_none();
        let kept =
            matches!(step.fetch, Fetch::Nothing | Fetch::First | Fetch::All | Fetch::Described);
        if !plain || !kept || program.access == Access::Again || !are_short(&step.params) {
            return false;
        }
        // Only with a log does SQLite write pages that have no room in memory without waiting for
        // the disk, and only with the write lock is there no lock to wait for.
        if !self.wal || !self.is_writing() || !self.is_short(&step.sql) {
            return false;
        }
        if self.reads_off_inline > 0 {
            self.reads_off_inline -= 1;
            return false;
        }
        self.cache.get(&step.sql).is_some_and(|statement| statement.may_try())
    }

    /// Runs a program for which [`may_write_held`](Self::may_write_held) is true. `None`: it may do
    /// more than was known, and has done nothing.
    pub(crate) fn write_held(&mut self, program: &Program<'_>) -> Option<Result<Output>> {
        let began = Instant::now();
        // Interrupted, it would take the transaction with it.
        self.handlers.shield(true);
        let done = self.run_as_compiled(program);
        self.handlers.shield(false);
        if began.elapsed() > long() {
            self.reads_off_inline = READS_OFF_INLINE;
            if let [step] = program.steps.as_slice()
                && let Some(statement) = self.cache.get(&step.sql)
            {
                statement.note_overrun();
            }
        }
        done
    }

    /// Runs a statement, unless it would have to be compiled anew, and do something else.
    fn run_as_compiled(&mut self, program: &Program<'_>) -> Option<Result<Output>> {
        self.authorizer.recompiling.forbid();
        // SQLite undoes it by itself if it fails: its instructions say so.
        let done = self.run(program, None);
        let refused = self.authorizer.recompiling.was_refused() && done.is_err();
        (!refused).then_some(done)
    }

    /// Whether the statement is known, and certainly short.
    fn is_short(&mut self, sql: &str) -> bool {
        let Some(statement) = self.cache.get(sql) else { return false };
        let nature = statement.nature;
        if statement.readonly || !statement.is_plain() || nature.transient || nature.works {
            return false;
        }
        let compilations = statement.compilations();
        let is_short = match statement.short {
            Some(known) if known.compilations == compilations && known.is_short.is_some() => {
                return known.is_short == Some(true);
            }
            Some(_) => Some(self.shows_short(sql).unwrap_or(false)),
            None => None,
        };
        if let Some(statement) = self.cache.get(sql) {
            statement.short = Some(Shortness { is_short, compilations });
        }
        is_short == Some(true)
    }

    #[cold]
    fn shows_short(&mut self, sql: &str) -> Result<bool> {
        let mut found = Vec::new();
        opcodes::each(self, sql, |opcode, number| {
            let (p1, p2, p3, p5) = (number(2), number(3), number(4), number(6));
            found.push(Instruction { opcode: opcode.into(), p1, p2, p3, p5 });
        })?;
        // It has a row for each table with AUTOINCREMENT, which are few and short.
        let sequence = "SELECT max(rootpage) FROM sqlite_schema WHERE name = 'sqlite_sequence'";
        let sequence = self.integer(sequence).ok();
        Ok(Listing { found: &found, sequence }.is_short())
    }
}

/// Whether parameters are as short as inline work wants its values.
fn are_short(params: &Params) -> bool {
    let length = |value: ValueRef<'_>| match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
        _ => 0,
    };
    let all: usize = params.values.iter().map(|value| length(value.as_ref())).sum();
    all <= LONGEST_VALUE as usize
}

/// The program of a statement, as `EXPLAIN` lists it.
struct Listing<'a> {
    found: &'a [Instruction],
    /// The root page of `sqlite_sequence`, if there is one.
    sequence: Option<i64>,
}

impl Listing<'_> {
    fn is_short(&self) -> bool {
        let Some(first) = self.found.first().filter(|it| &*it.opcode == "Init") else {
            return false;
        };
        self.found.iter().enumerate().all(|(at, it)| self.admits(at, it, first.p2))
    }

    /// Whether an instruction runs once and for a short time, or few times. `setup`: where the program
    /// begins with what it does once.
    fn admits(&self, at: usize, it: &Instruction, setup: i64) -> bool {
        let (last, here) = (at + 1 == self.found.len(), i64::try_from(at).unwrap_or(0));
        let ahead = it.p2 > here && (it.p2 < setup || here >= setup);
        match &*it.opcode {
            // Only the end of the setup goes back, to what follows `Init`.
            "Init" => here == 0,
            "Goto" => ahead || (last && it.p2 == 1),
            "Halt" => it.p2 == 0 || it.p2 == ABORT,
            "HaltIfNull" => it.p2 == ABORT,
            // What is in the way of the row stays there.
            "NotExists" | "NoConflict" => ahead && self.leaves(at + 1),
            "Found" | "NotFound" | "Rewind" | "NotNull" | "IsNull" | "FkIfZero" | "Once" | "If"
            | "IfNot" | "Eq" | "Ne" | "Lt" | "Le" | "Gt" | "Ge" => ahead,
            // Without one, it raises an error.
            "MustBeInt" => ahead || it.p2 == 0,
            "Insert" => it.p5 & UPDATES == 0,
            "Next" => self.is_short_loop(at, it),
            "Column" | "Rowid" => self.is_small(at, it.p1),
            "Transaction" | "OpenWrite" | "OpenRead" | "OpenEphemeral" | "Close" | "SoftNull"
            | "Null" | "Variable" | "Integer" | "Int64" | "Real" | "String8" | "Blob"
            | "NewRowid" | "MemMax" | "AddImm" | "Affinity" | "RealAffinity" | "TypeCheck"
            | "SCopy" | "Copy" | "IntCopy" | "MakeRecord" | "IdxInsert" | "FkCheck"
            | "FkCounter" | "ResultRow" | "PureFunc" | "Function" | "CollSeq" | "Cast" | "And"
            | "Or" | "Not" | "IsTrue" | "Add" | "Subtract" | "Multiply" | "Divide"
            | "Remainder" | "Concat" | "Noop" | "ReleaseReg" | "Explain" => true,
            _ => false,
        }
    }

    /// Whether the instruction ends the statement, or leads away from its writes.
    fn leaves(&self, at: usize) -> bool {
        self.found.get(at).is_some_and(|next| matches!(&*next.opcode, "Halt" | "Goto"))
    }

    /// Whether a loop goes through few rows, and does not make more of them.
    fn is_short_loop(&self, at: usize, next: &Instruction) -> bool {
        let Ok(begin) = usize::try_from(next.p2) else { return false };
        let Some(body) = self.found.get(begin..at) else { return false };
        self.is_small(at, next.p1)
            && body.iter().all(|it| {
                !matches!(
                    &*it.opcode,
                    "Insert" | "IdxInsert" | "Next" | "OpenEphemeral" | "NewRowid"
                )
            })
    }

    /// Whether a cursor is, at this instruction, on the rows that the statement returns, of which there
    /// are no more than it has instructions, or on those of `sqlite_sequence`.
    fn is_small(&self, at: usize, cursor: i64) -> bool {
        let opens = |it: &&Instruction| it.p1 == cursor && it.opcode.starts_with("Open");
        // Opened by the setup, which comes after, if not before.
        let before = self.found[..at].iter().rev().find(opens);
        match before.or_else(|| self.found[at..].iter().find(opens)) {
            Some(it) if &*it.opcode == "OpenEphemeral" => true,
            Some(it) => self.sequence == Some(it.p2) && it.p3 == 0,
            None => false,
        }
    }
}

#[cfg(test)]
use tests::long;

#[cfg(test)]
mod tests;
