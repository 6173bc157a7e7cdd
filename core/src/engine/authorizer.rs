//! What a statement is, as SQLite's authorizer reports while it compiles the statement. Comments,
//! quotes, `EXPLAIN` and odd spellings can't deceive it.
//! <https://sqlite.org/c3ref/set_authorizer.html>

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::functions::{self, Cost};
use super::hook_slot::HookSlot;
use super::pragma::{self, Pragma};
use super::writes::{ReadColumn, Writes};
use crate::error::Error;
use crate::ffi;

/// The classes of statements that need a rule of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Class {
    /// Queries, and changes of data or schema: no rule.
    #[default]
    Plain,
    /// `BEGIN`, `COMMIT`, `ROLLBACK`, `SAVEPOINT`, `RELEASE`: owned by transactions,
    /// since a bare one would put several tasks into a shared transaction.
    Control,
    /// `VACUUM`, and `PRAGMA`s that act on the whole file: can't run inside a
    /// transaction.
    Alone,
    /// Changes the state of one connection: `ATTACH`, `DETACH`, `CREATE TEMP …`, a `PRAGMA` that
    /// sets something on the connection.
    Connection,
}

/// Which statements a connection compiles for its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admit {
    /// This library's own statements: anything, unobserved.
    Everything,
    /// Anything: the connection belongs to one holder.
    Own,
    /// The writer's: nothing that stays in the connection after the statement.
    Shared,
    /// A reader's: also nothing that acts on the file as a whole.
    Reading,
    /// A script's, inside a transaction begun for it: nothing that SQLite refuses or ignores there.
    Within,
}

/// What a transaction statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Begin,
    Commit,
    Rollback,
    /// `SAVEPOINT`, `RELEASE` or `ROLLBACK TO`.
    Savepoint,
}

/// What a statement does to a savepoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SavepointVerb {
    Begin,
    Release,
    RollbackTo,
}

/// What is known about a statement from its compilation.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Nature {
    pub(crate) class: Class,
    /// Which transaction statement it is.
    pub(crate) verb: Option<Verb>,
    /// It inserts rows itself, not only through triggers.
    pub(crate) inserts: bool,
    /// It took effect, at least in part, while it was compiled: to run again, it must be compiled
    /// again.
    pub(crate) transient: bool,
    /// It changes the journal mode of the file.
    pub(crate) journal_mode: bool,
    /// It only reads a setting, whatever `sqlite3_stmt_readonly` says.
    pub(crate) asks: bool,
    /// It does something other than reading or changing a setting.
    acts: bool,
    /// One of its operations may take arbitrarily long: never on a caller's thread.
    pub(crate) long: bool,
    /// It counts or deletes rows, perhaps with an operation that visits the whole table in a single
    /// step; its opcodes show which.
    pub(crate) sweeps: bool,
    /// It calls functions that go through their values: on a caller's thread the values must be
    /// short.
    pub(super) works: bool,
    /// What it does to a savepoint.
    pub(crate) savepoint: Option<SavepointVerb>,
    /// It creates a trigger; its opcodes show in which schema. For one in `temp`, SQLite reports
    /// the schema of its table.
    pub(super) makes_trigger: bool,
    /// What to do instead, because SQLite was told to ignore it.
    pub(crate) instead: Option<Instead>,
    /// Whether any action was reported at all: for `VACUUM` none is.
    seen: bool,
    refusal: Option<CompileRefusal>,
}

/// A `PRAGMA` that this library carries out itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Instead {
    /// `PRAGMA busy_timeout`, with the milliseconds to set.
    BusyTimeout(Option<i64>),
}

/// Why a statement was not compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CompileRefusal {
    Control,
    Connection,
    /// It belongs to the writer.
    Alone,
    /// SQLite would ignore it inside a transaction.
    Ignored(&'static str),
    /// It ends with the transaction, and there is none.
    NeedsTransaction,
    /// It belongs outside the transaction.
    Outside,
}

/// What SQLite's authorizer reports to, for one connection.
#[derive(Debug)]
pub(super) struct Authorizer {
    raw: Cell<*mut ffi::sqlite3>,
    /// Set while a statement is compiled for the connection's user.
    admit: Cell<Admit>,
    nature: Cell<Nature>,
    writes: RefCell<Writes>,
    /// What is read, while somebody wants to know.
    reads: RefCell<Option<Vec<ReadColumn>>>,
    /// SQLite's row hook, which is taken out while a statement is compiled.
    pub(super) rows: HookSlot,
    /// The tables of which each row that is deleted must be reported.
    recorded: RefCell<Vec<Box<str>>>,
    /// A statement is being compiled because this library wants it.
    compiling: Cell<bool>,
    /// SQLite has compiled one anew by itself, because the schema was another.
    recompiled: Arc<AtomicBool>,
}

impl Default for Authorizer {
    fn default() -> Self {
        Self {
            raw: Cell::new(std::ptr::null_mut()),
            admit: Cell::new(Admit::Everything),
            nature: Cell::default(),
            writes: RefCell::default(),
            reads: RefCell::default(),
            rows: HookSlot::default(),
            recorded: RefCell::default(),
            compiling: Cell::default(),
            recompiled: Arc::default(),
        }
    }
}

/// What SQLite's authorizer is asked about.
#[derive(Debug, Clone, Copy)]
struct Action<'a> {
    code: c_int,
    first: &'a CStr,
    second: Option<&'a CStr>,
    database: Option<&'a CStr>,
    /// A trigger or view does it.
    inner: bool,
}

impl Action<'_> {
    fn is_temporary(&self) -> bool {
        self.database.is_some_and(|name| name.to_bytes().eq_ignore_ascii_case(b"temp"))
    }
}

impl Authorizer {
    /// Attaches it to a connection.
    ///
    /// # Safety
    /// `raw` is open, `self` stays in place until the connection closes, and code that compiles on
    /// the connection has exclusive use of `self`.
    pub(super) unsafe fn install(&self, raw: *mut ffi::sqlite3) {
        self.raw.set(raw);
        self.rows.install(raw);
        let context = std::ptr::from_ref(self).cast::<c_void>().cast_mut();
        // SAFETY: by this function's contract.
        unsafe { ffi::sqlite3_set_authorizer(raw, Some(on_action), context) };
    }

    /// Observes what `compile` compiles.
    pub(super) fn observe<T>(&self, admit: Admit, compile: impl FnOnce() -> T) -> (T, Nature) {
        self.nature.set(Nature::default());
        *self.writes.borrow_mut() = Writes::default();
        self.admit.set(admit);
        self.compiling.set(true);
        let compiled = self.rows.without(compile);
        self.compiling.set(false);
        self.admit.set(Admit::Everything);
        (compiled, self.nature.get())
    }

    /// Takes what the statement compiled last may change.
    pub(super) fn take_writes(&self) -> Writes {
        self.writes.take()
    }

    /// Returns what a statement reads that `compile` compiles.
    pub(super) fn learn_reads<T>(&self, compile: impl FnOnce() -> T) -> (T, Vec<ReadColumn>) {
        *self.reads.borrow_mut() = Some(Vec::new());
        let compiled = compile();
        (compiled, self.reads.take().unwrap_or_default())
    }

    /// Returns what is set when SQLite has compiled a statement anew by itself: it has seen another
    /// schema than before.
    pub(super) fn recompiled(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.recompiled)
    }

    /// Sets the tables that statements compiled from now on must not empty in one step.
    pub(super) fn set_recorded(&self, tables: Vec<Box<str>>) {
        *self.recorded.borrow_mut() = tables;
    }

    /// Whether rows must be deleted one by one. A table that is dropped would then stay.
    fn deletes_rows(&self, action: &Action<'_>) -> bool {
        let recorded = self.recorded.borrow();
        action.code == ffi::SQLITE_DELETE
            && !recorded.is_empty()
            && action.database.is_none_or(|name| name.to_bytes() == b"main")
            && self.writes.borrow().dropped.is_none()
            && recorded.iter().any(|it| it.as_bytes().eq_ignore_ascii_case(action.first.to_bytes()))
    }

    fn in_transaction(&self) -> bool {
        // SAFETY: the connection is open while it compiles, and this only reads.
        unsafe { ffi::sqlite3_get_autocommit(self.raw.get()) == 0 }
    }

    fn on_action(&self, action: &Action<'_>) -> c_int {
        let admit = self.admit.get();
        if admit == Admit::Everything {
            // The library's own statements that begin and end transactions can do nothing else.
            let ends =
                action.code == ffi::SQLITE_TRANSACTION || action.code == ffi::SQLITE_SAVEPOINT;
            if !self.compiling.get() && !ends {
                self.recompiled.store(true, Ordering::Relaxed);
                // It may do something else than what was taken for short work.
                super::disk_wait::give_up();
            }
            return ffi::SQLITE_OK;
        }
        let mut nature = self.nature.get();
        nature.seen = true;
        if action.code != ffi::SQLITE_PRAGMA {
            // A PRAGMA does nothing else. The earlier one came from a virtual table, which is
            // connected while a statement is compiled (FTS4 then reads the page size).
            nature.acts = true;
            nature.asks = false;
        }
        let code = self.take_note(&mut nature, admit, action);
        self.nature.set(nature);
        if action.code == ffi::SQLITE_READ {
            self.note_read(action);
        } else {
            let elsewhere =
                action.database.is_some_and(|name| !name.to_bytes().eq_ignore_ascii_case(b"main"));
            self.writes.borrow_mut().add(action.code, action.first, elsewhere);
        }
        if code == ffi::SQLITE_OK && self.deletes_rows(action) {
            // For SQLite: delete, but not in one step.
            return ffi::SQLITE_IGNORE;
        }
        code
    }

    fn note_read(&self, action: &Action<'_>) {
        let mut reads = self.reads.borrow_mut();
        let Some(reads) = reads.as_mut() else { return };
        let text = |text: &CStr| Box::<str>::from(&*text.to_string_lossy());
        let read = ReadColumn {
            database: action.database.map(text),
            table: text(action.first),
            column: action.second.map(text).unwrap_or_default(),
        };
        if !reads.contains(&read) {
            reads.push(read);
        }
    }

    fn take_note(&self, nature: &mut Nature, admit: Admit, asked: &Action<'_>) -> c_int {
        let Action { code: action, first, second, inner, .. } = *asked;
        let (mut class, mut ignored) = (Class::Plain, None);
        match action {
            ffi::SQLITE_TRANSACTION => {
                class = Class::Control;
                nature.verb = Some(match first.to_bytes() {
                    b"BEGIN" => Verb::Begin,
                    b"ROLLBACK" => Verb::Rollback,
                    _ => Verb::Commit,
                });
            }
            ffi::SQLITE_SAVEPOINT => {
                class = Class::Control;
                nature.verb = Some(Verb::Savepoint);
                nature.savepoint = Some(match first.to_bytes() {
                    b"BEGIN" => SavepointVerb::Begin,
                    b"RELEASE" => SavepointVerb::Release,
                    _ => SavepointVerb::RollbackTo,
                });
            }
            ffi::SQLITE_ATTACH
            | ffi::SQLITE_DETACH
            | ffi::SQLITE_CREATE_TEMP_INDEX
            | ffi::SQLITE_CREATE_TEMP_TABLE
            | ffi::SQLITE_CREATE_TEMP_TRIGGER
            | ffi::SQLITE_CREATE_TEMP_VIEW
            | ffi::SQLITE_DROP_TEMP_INDEX
            | ffi::SQLITE_DROP_TEMP_TABLE
            | ffi::SQLITE_DROP_TEMP_TRIGGER
            | ffi::SQLITE_DROP_TEMP_VIEW => class = Class::Connection,
            // It does not report CREATE TABLE temp.t as CREATE TEMP TABLE.
            ffi::SQLITE_CREATE_TABLE
            | ffi::SQLITE_CREATE_VIEW
            | ffi::SQLITE_CREATE_TRIGGER
            | ffi::SQLITE_CREATE_INDEX
            | ffi::SQLITE_CREATE_VTABLE
                if asked.is_temporary() =>
            {
                class = Class::Connection;
            }
            ffi::SQLITE_CREATE_TRIGGER => nature.makes_trigger = true,
            ffi::SQLITE_CREATE_INDEX
            | ffi::SQLITE_CREATE_VTABLE
            | ffi::SQLITE_DROP_INDEX
            | ffi::SQLITE_DROP_TABLE
            | ffi::SQLITE_DROP_VTABLE
            | ffi::SQLITE_ALTER_TABLE
            | ffi::SQLITE_ANALYZE
            | ffi::SQLITE_REINDEX => nature.long = true,
            ffi::SQLITE_INSERT => {
                nature.inserts |= !inner && !first.to_bytes().starts_with(b"sqlite_");
            }
            ffi::SQLITE_DELETE => nature.sweeps = true,
            // The function's name is the second argument.
            ffi::SQLITE_FUNCTION => {
                let name = second.map_or(&b""[..], CStr::to_bytes);
                nature.sweeps |= name.eq_ignore_ascii_case(b"count");
                match functions::cost_of(name) {
                    Cost::Small => {}
                    Cost::Length => nature.works = true,
                    Cost::Unknown => nature.long = true,
                }
            }
            // These functions report read errors as rows.
            ffi::SQLITE_READ => {
                nature.long |= pragma::checks(first.to_bytes().strip_prefix(b"pragma_"));
            }
            ffi::SQLITE_PRAGMA => {
                let found = pragma::look_up(first.to_bytes(), second.map(CStr::to_bytes));
                let Pragma { class: of, asks, transient, long, journal_mode, .. } = found;
                class = of;
                nature.asks |= asks && !nature.acts;
                nature.transient |= transient;
                nature.long |= long;
                nature.journal_mode |= journal_mode;
                if let Some(milliseconds) = found.busy_timeout {
                    nature.instead = Some(Instead::BusyTimeout(milliseconds));
                }
                if found.of_transaction {
                    // A reader's transaction is only its lease.
                    let within = admit != Admit::Reading && self.in_transaction();
                    class = if within { Class::Plain } else { Class::Connection };
                } else if let Some(name) = found.ignored_in_transaction {
                    ignored = self.in_transaction().then_some(name);
                }
                if found.of_transaction && class == Class::Connection && admit != Admit::Own {
                    nature.class = class;
                    nature.refusal = Some(CompileRefusal::NeedsTransaction);
                    return ffi::SQLITE_DENY;
                }
            }
            _ => {}
        }
        if class != Class::Plain {
            nature.class = class;
        }
        let refusal = match (class, admit) {
            (Class::Control, Admit::Shared | Admit::Reading) => Some(CompileRefusal::Control),
            (Class::Connection, Admit::Shared | Admit::Reading) => Some(CompileRefusal::Connection),
            (Class::Alone, Admit::Reading) => Some(CompileRefusal::Alone),
            (Class::Alone, Admit::Within) => Some(CompileRefusal::Outside),
            (Class::Control, Admit::Within) if nature.verb != Some(Verb::Savepoint) => {
                Some(CompileRefusal::Outside)
            }
            // Temporary tables can be created both inside and outside transactions.
            (Class::Connection, Admit::Within)
                if matches!(
                    action,
                    ffi::SQLITE_PRAGMA | ffi::SQLITE_ATTACH | ffi::SQLITE_DETACH
                ) =>
            {
                Some(CompileRefusal::Outside)
            }
            _ => ignored.map(CompileRefusal::Ignored),
        };
        if let Some(refusal) = refusal {
            nature.refusal = Some(refusal);
            return ffi::SQLITE_DENY;
        }
        if nature.instead.is_some() { ffi::SQLITE_IGNORE } else { ffi::SQLITE_OK }
    }
}

impl Nature {
    /// Completes it with what the compiled statement shows, and returns whether the statement only
    /// reads.
    pub(super) fn complete(&mut self, readonly: bool) -> bool {
        if !self.seen && !readonly {
            // Only VACUUM compiles without consulting the authorizer.
            self.class = Class::Alone;
            self.long = true;
        }
        readonly || self.asks
    }

    /// Whether a reader refused it because it acts on the whole file: the writer must run it.
    pub(super) fn is_writers(&self) -> bool {
        self.refusal == Some(CompileRefusal::Alone)
    }

    /// Whether it was refused only because a transaction is open.
    pub(super) fn is_outside(&self) -> bool {
        self.refusal == Some(CompileRefusal::Outside)
    }

    /// Records that it creates a temporary trigger. Returns whether a connection with this `admit`
    /// accepts it.
    pub(super) fn note_temporary(&mut self, admit: Admit) -> bool {
        self.class = Class::Connection;
        let taken = !matches!(admit, Admit::Shared | Admit::Reading);
        self.refusal = (!taken).then_some(CompileRefusal::Connection);
        taken
    }

    /// Returns why it was not compiled, if this library has to explain that.
    pub(super) fn refused(&self) -> Option<Error> {
        Some(match self.refusal? {
            CompileRefusal::Control => Error::invalid(
                "transactions are begun with transaction() and nested with savepoint(); a bare statement would share one among tasks",
            ),
            CompileRefusal::Connection => Error::invalid(
                "this statement changes only one connection; run it in a session from acquire(), or set it when opening the database",
            ),
            CompileRefusal::Alone => {
                Error::invalid("this statement can't run where only reads are allowed")
            }
            CompileRefusal::Ignored(name) => Error::invalid(format!(
                "SQLite ignores PRAGMA {name} inside a transaction; run it before the transaction begins"
            )),
            CompileRefusal::Outside => {
                Error::invalid("this statement can't run inside a transaction")
            }
            CompileRefusal::NeedsTransaction => Error::invalid(
                "this setting lasts until the transaction ends; set it inside the transaction that needs it",
            ),
        })
    }
}

unsafe extern "C" fn on_action(
    context: *mut c_void,
    action: c_int,
    first: *const c_char,
    second: *const c_char,
    database: *const c_char,
    inner: *const c_char,
) -> c_int {
    // SAFETY: `install` passed a pointer that outlives the connection; SQLite's texts
    // are C strings, or null, that live as long as this call.
    let (authorizer, action) = unsafe {
        let (first, second, database) = (text(first), text(second), text(database));
        let (first, inner) = (first.unwrap_or(c""), !inner.is_null());
        let action = Action { code: action, first, second, database, inner };
        (&*context.cast::<Authorizer>(), action)
    };
    authorizer.on_action(&action)
}

/// # Safety
/// `text` is null or a C string that lives long enough.
unsafe fn text<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: by the contract.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}
