//! Scripts: the statements of one text, one after another, in one transaction as far as the script
//! has none of its own.

use std::ffi::c_int;

use super::authorizer::{Admit, Class, Nature, Verb};
use super::statement::{Statement, nul};
use super::{Connection, opcodes};
use crate::error::{Error, ErrorKind, Result};
use crate::program::{Fetch, Program, StepOutcome};
use crate::sql::Params;

/// The rest of a script, followed by a zero: SQLite copies a text without one, and each time the
/// whole of it.
struct Text {
    bytes: Box<[u8]>,
    at: usize,
}

impl Text {
    fn new(script: &str) -> Result<Self> {
        if script.contains('\0') {
            return Err(nul());
        }
        if c_int::try_from(script.len() + 1).is_err() {
            return Err(Error::new(ErrorKind::TooBig, "the script is longer than 2 GiB"));
        }
        let mut bytes = Vec::with_capacity(script.len() + 1);
        bytes.extend_from_slice(script.as_bytes());
        bytes.push(0);
        Ok(Self { bytes: bytes.into(), at: 0 })
    }

    /// Returns the remaining text, and its length with the zero.
    fn rest(&self) -> (&str, c_int) {
        let rest = &self.bytes[self.at..];
        // SAFETY: `at` moves from the end of one statement to that of the next, as
        // `compile` returned them: these are boundaries of characters.
        let text = unsafe { std::str::from_utf8_unchecked(&rest[..rest.len() - 1]) };
        (text, c_int::try_from(rest.len()).unwrap_or(c_int::MAX))
    }
}

/// Whose transaction the statements of a script run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    /// None is open.
    Nothing,
    /// One that this module began for the script's statements.
    Ours,
    /// One that a statement of the script began.
    Scripts,
    /// One that was open before.
    Callers,
}

/// Whether a program is one script.
pub(super) fn is_script(program: &Program<'_>) -> bool {
    matches!(program.steps.as_slice(), [step] if step.extra.as_ref().is_some_and(|it| it.script))
}

impl Connection {
    /// Runs a script that is a program by itself, with no transaction open. While it runs, the
    /// writer's connection accepts whatever a session's does. If [`is_marked`](Self::is_marked) is
    /// true afterwards, the connection must be replaced.
    pub(super) fn run_script_alone(&mut self, script: &str) -> Result<StepOutcome> {
        let before = std::mem::replace(&mut self.scripting, true);
        let shared = !before && self.role != super::Role::Dedicated;
        let done = self.run_script(script).and_then(|(outcome, work)| {
            if shared && self.marked && !work {
                return Err(Error::invalid(
                    "the script only changes what belongs to one connection, which ends with the script; run it in a session from acquire(), or set it when opening the database",
                ));
            }
            if shared && self.in_transaction() {
                return Err(Error::invalid(
                    "the script began a transaction and did not end it; it was rolled back",
                ));
            }
            Ok(outcome)
        });
        if done.is_err() {
            self.rollback();
        }
        self.scripting = before;
        done
    }

    /// Runs statement after statement. An error's index is that of the failed statement, and its
    /// offset counts from the script's start.
    ///
    /// The second value is whether a statement did more than set something on the connection.
    pub(super) fn run_script(&mut self, script: &str) -> Result<(StepOutcome, bool)> {
        let mut text = Text::new(script)?;
        let params = Params::new();
        let (mut sum, mut work) = (StepOutcome::default(), false);
        let mut within = if self.in_transaction() { Within::Callers } else { Within::Nothing };
        // How many statements stay done, whatever happens to the next.
        let mut kept = 0;
        for index in 0.. {
            let start = text.at;
            let placed = |error: Error| explain(error.with_index(index).shifted(start), kept);
            let next = self.next_statement(&mut text, &mut within).map_err(placed)?;
            let Some(mut statement) = next else { break };
            if within == Within::Nothing && index > 0 {
                kept = index;
            }
            let placed = |error: Error| explain(error.with_index(index).shifted(start), kept);
            if within == Within::Nothing && needs_transaction(&statement) {
                self.control("BEGIN IMMEDIATE").map_err(placed)?;
                within = Within::Ours;
            }
            let outcome =
                self.run_apart(&mut statement, &params, Fetch::Nothing, None).map_err(placed)?;
            work |= statement.nature.class != Class::Connection;
            sum.changes += outcome.changes;
            sum.last_row_id = outcome.last_row_id;
            within = match within {
                Within::Nothing | Within::Scripts if self.in_transaction() => Within::Scripts,
                Within::Nothing | Within::Scripts => Within::Nothing,
                other => other,
            };
        }
        if within == Within::Ours {
            self.control("COMMIT").map_err(|error| explain(error, kept))?;
        }
        Ok((sum, work))
    }

    /// Compiles the next statement where it can run: a statement that SQLite refuses or ignores
    /// inside a transaction first ends the one that this module has begun.
    fn next_statement(
        &mut self,
        text: &mut Text,
        within: &mut Within,
    ) -> Result<Option<Statement>> {
        loop {
            // Not only before it runs: what is recorded must not be emptied in one step.
            self.begin_recording();
            let (compiled, nature) = {
                let admit = match within {
                    Within::Ours => Admit::Within,
                    _ => self.admits(),
                };
                let (rest, length) = text.rest();
                // SAFETY: the connection is open and this thread alone uses it; the text extends to
                // its zero.
                let (compiled, nature) = unsafe {
                    let (raw, authorizer) = (self.raw, &self.authorizer);
                    Statement::prepare_next(raw, authorizer, admit, rest, length, false)
                };
                let compiled =
                    compiled.map(|(statement, next)| (statement, rest.len() - next.len()));
                (compiled, nature)
            };
            if *within == Within::Ours && ends_segment(&nature, &compiled) {
                if matches!(nature.verb, Some(Verb::Commit | Verb::Rollback)) {
                    return Err(Error::invalid(
                        "the script ends a transaction that it did not begin",
                    ));
                }
                drop(compiled);
                self.control("COMMIT")?;
                *within = Within::Nothing;
                continue;
            }
            if *within == Within::Callers && nature.verb.is_some_and(|verb| verb != Verb::Savepoint)
            {
                return Err(Error::invalid(
                    "the script begins or ends a transaction, but runs inside one",
                ));
            }
            let (statement, length) = compiled?;
            let Some(mut statement) = statement else { return Ok(None) };
            if nature.makes_trigger {
                let one = text.rest().0.get(..length).unwrap_or_default();
                self.marked |= opcodes::of(self, one)?.temporary;
            }
            text.at += length;
            self.take_effect(&mut statement)?;
            return Ok(Some(statement));
        }
    }
}

/// Whether a statement belongs in a transaction of this module.
fn needs_transaction(statement: &Statement) -> bool {
    match statement.nature.verb {
        Some(verb) => verb == Verb::Savepoint,
        None => statement.is_plain() && !statement.readonly,
    }
}

/// Whether this module's transaction ends before this statement.
fn ends_segment<T>(nature: &Nature, compiled: &Result<T>) -> bool {
    nature.is_outside() || (compiled.is_ok() && nature.class == Class::Alone)
}

fn explain(error: Error, kept: usize) -> Error {
    match kept {
        0 => error,
        1 => error.prefixed("the script's first statement stays in effect, and the next failed"),
        _ => error.prefixed(&format!("the script's first {kept} statements stay in effect")),
    }
}
