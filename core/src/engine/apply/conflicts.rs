//! What is decided while SQLite applies a change set.

use std::cmp::Ordering;
use std::ffi::{CStr, c_int, c_void};
use std::fmt::{Display, Write as _};
use std::ptr;

use crate::engine::outbox::{Positions, TableShape, note_position};
use crate::engine::prepared::value;
use crate::error::{Error, ErrorKind};
use crate::ffi::session::{
    self, sqlite3changeset_conflict, sqlite3changeset_new, sqlite3changeset_old,
    sqlite3changeset_op,
};
use crate::ffi::{self, sqlite3_changeset_iter, sqlite3_value};
use crate::sync::{
    Conflict, ConflictKind, Decision, Policy, RowChanged, RowOperation, encode_header,
    encode_known, encode_value,
};
use crate::value::{Value, ValueRef};

/// What is to be known of a table that is changed.
#[derive(Debug)]
pub(super) struct TargetTable {
    pub(super) table: Box<str>,
    pub(super) shape: TableShape,
    pub(super) policy: Policy,
    /// The position of the column that tells which row is the newest.
    pub(super) newest: Option<usize>,
    /// The keys, as bytes, of the rows that they changed, and that stay here as they were because
    /// another row is in the way; with the position of the conflict.
    pub(super) blocked: Positions,
}

/// What SQLite calls back with.
#[derive(Debug, Default)]
pub(super) struct Applying {
    pub(super) targets: Vec<TargetTable>,
    pub(super) conflicts: Vec<Conflict>,
    /// Why nothing is to be applied.
    pub(super) refused: Option<Error>,
    /// What of their updates is taken although ours was kept, as a change set: the columns that
    /// nobody has changed here. SQLite leaves out an update as a whole, but two changes of
    /// different columns don't meet, and the others will have both.
    pub(super) takes: Vec<u8>,
    /// A foreign key would be violated.
    pub(super) orphans: bool,
}

/// The change that SQLite asks about.
struct Asked {
    raw: *mut sqlite3_changeset_iter,
    operation: c_int,
    columns: c_int,
}

pub(super) unsafe extern "C" fn on_conflict(
    context: *mut c_void,
    kind: c_int,
    raw: *mut sqlite3_changeset_iter,
) -> c_int {
    // SAFETY: `apply_changes` passed it, and uses it only when SQLite has returned.
    let applying = unsafe { &mut *context.cast::<Applying>() };
    if kind == session::SQLITE_CHANGESET_FOREIGN_KEY {
        applying.orphans = true;
        return session::SQLITE_CHANGESET_ABORT;
    }
    let kind = match kind {
        session::SQLITE_CHANGESET_DATA => ConflictKind::Data,
        session::SQLITE_CHANGESET_NOTFOUND => ConflictKind::NotFound,
        session::SQLITE_CHANGESET_CONFLICT => ConflictKind::Exists,
        _ => ConflictKind::Constraint,
    };
    // SAFETY: SQLite asks about a change.
    let (table, asked) = unsafe { Asked::new(raw) };
    applying.decide(table, kind, &asked)
}

/// The longest part of a key's text that a message has.
const LONGEST: usize = 40;

/// Returns what is in the way, in words.
fn met(kind: ConflictKind) -> &'static str {
    match kind {
        ConflictKind::Data => "the row has other values here",
        ConflictKind::NotFound => "the row is not here",
        ConflictKind::Exists => "a row with this key is here",
        ConflictKind::Constraint => "a constraint is in the way",
    }
}

/// Adds a key as conditions.
fn push_place(text: &mut String, key: &[(String, Value)]) {
    for (index, (column, value)) in key.iter().enumerate() {
        text.push_str(if index == 0 { "" } else { " and " });
        text.push_str(column);
        let (number, short_text);
        let (is, shown, rest): (_, &dyn Display, _) = match value {
            Value::Integer(value) => (" = ", value, ""),
            Value::Real(value) => (" = ", value, ""),
            Value::Text(whole) => {
                let end = whole.char_indices().nth(LONGEST).map(|(end, _)| end);
                let short = end.and_then(|end| whole.get(..end));
                let rest = if short.is_some() { "…'" } else { "'" };
                short_text = short.unwrap_or(whole);
                (" = '", &short_text, rest)
            }
            Value::Blob(bytes) => {
                number = bytes.len();
                (" is a blob of ", &number, " bytes")
            }
            _ => (" is NULL", &"", ""),
        };
        // Writing into a string does not fail.
        let _ = write!(text, "{is}{shown}{rest}");
    }
}

impl Applying {
    fn decide(&mut self, table: &str, kind: ConflictKind, asked: &Asked) -> c_int {
        let Some(target) = self.targets.iter_mut().find(|it| *it.table == *table) else {
            self.refused = Some(Error::no_such_table(table));
            return session::SQLITE_CHANGESET_ABORT;
        };
        let theirs = match (&target.policy, kind) {
            (Policy::Abort, _) => false,
            // There is nothing that could be replaced.
            (_, ConflictKind::NotFound | ConflictKind::Constraint) => false,
            (Policy::Theirs, _) => true,
            (Policy::Ours, _) => false,
            (Policy::Newest(_), _) => asked.is_newer(target.newest.unwrap_or(0)),
        };
        let conflict = asked.describe(table, kind, target, theirs);
        if target.policy == Policy::Abort {
            let mut message =
                format!("nothing was applied: {}, for their change of {table} where ", met(kind));
            push_place(&mut message, &conflict.key);
            self.refused = Some(Error::new(ErrorKind::ConstraintViolation, message));
            return session::SQLITE_CHANGESET_ABORT;
        }
        if kind == ConflictKind::Constraint {
            let key = asked.key(&target.shape.keys);
            note_position(&mut target.blocked, key, self.conflicts.len());
        }
        if !theirs && kind == ConflictKind::Data && asked.operation == ffi::SQLITE_UPDATE {
            asked.take(&mut self.takes, table, target);
        }
        self.conflicts.push(conflict);
        if theirs { session::SQLITE_CHANGESET_REPLACE } else { session::SQLITE_CHANGESET_OMIT }
    }
}

impl Asked {
    /// Returns the change that SQLite asks about, and the name of its table.
    ///
    /// # Safety
    /// `raw` is what SQLite has passed to a conflict handler, which has not returned.
    unsafe fn new<'t>(raw: *mut sqlite3_changeset_iter) -> (&'t str, Self) {
        let mut asked = Self { raw, operation: 0, columns: 0 };
        let mut table = ptr::null();
        // SAFETY: by the contract; SQLite writes what the change is, and the name lives as long.
        let table = unsafe {
            sqlite3changeset_op(
                raw,
                &raw mut table,
                &raw mut asked.columns,
                &raw mut asked.operation,
                ptr::null_mut(),
            );
            if table.is_null() { c"" } else { CStr::from_ptr(table) }
        };
        // `targets` has read the name as text.
        (table.to_str().unwrap_or_default(), asked)
    }

    fn before(&self, column: usize) -> Option<ValueRef<'_>> {
        (self.operation != ffi::SQLITE_INSERT)
            .then(|| self.read(sqlite3changeset_old, column))
            .flatten()
    }

    fn after(&self, column: usize) -> Option<ValueRef<'_>> {
        (self.operation != ffi::SQLITE_DELETE)
            .then(|| self.read(sqlite3changeset_new, column))
            .flatten()
    }

    /// Returns a value of the row as it is here.
    fn ours(&self, column: usize) -> Option<ValueRef<'_>> {
        self.read(sqlite3changeset_conflict, column)
    }

    fn read(
        &self,
        of: unsafe extern "C" fn(
            *mut sqlite3_changeset_iter,
            c_int,
            *mut *mut sqlite3_value,
        ) -> c_int,
        column: usize,
    ) -> Option<ValueRef<'_>> {
        let mut found = ptr::null_mut();
        let column = c_int::try_from(column).ok().filter(|column| *column < self.columns)?;
        // SAFETY: SQLite asks about this change, which has such a column, and its values live until
        // it is answered.
        unsafe {
            let code = of(self.raw, column, &raw mut found);
            (code == ffi::SQLITE_OK && !found.is_null()).then(|| value(found))
        }
    }

    /// Returns a value as they had it, or else as they have it.
    fn known(&self, column: usize) -> Option<ValueRef<'_>> {
        self.before(column).or_else(|| self.after(column))
    }

    /// Returns a value as they have it, or else as they had it.
    fn theirs(&self, column: usize) -> Option<ValueRef<'_>> {
        self.after(column).or_else(|| self.before(column))
    }

    /// Returns the key of the row, as bytes.
    fn key(&self, keys: &[u8]) -> Vec<u8> {
        let mut key = Vec::new();
        for (at, place) in keys.iter().enumerate() {
            if *place != 0 {
                encode_value(&mut key, self.known(at).unwrap_or(ValueRef::Null));
            }
        }
        key
    }

    /// Adds what of an update is taken although ours is kept.
    fn take(&self, takes: &mut Vec<u8>, table: &str, target: &TargetTable) {
        let count = usize::try_from(self.columns).unwrap_or(0);
        let keys = target.shape.keys.get(..count).unwrap_or_default();
        let start = takes.len();
        encode_header(takes, table, keys);
        takes.extend_from_slice(&[RowOperation::Update.byte(), 0]);
        let mut news = Vec::new();
        let mut any = false;
        for (at, is_key) in keys.iter().enumerate() {
            let (old, new) = (self.before(at), self.after(at));
            let free = old.is_some_and(|old| self.ours(at).is_some_and(|ours| ours.is_same(old)));
            let (old, new) = match (old, new) {
                (old, _) if *is_key != 0 => (old, None),
                (old, Some(new)) if free => (old, Some(new)),
                _ => (None, None),
            };
            any |= new.is_some();
            encode_known(takes, old);
            encode_known(&mut news, new);
        }
        takes.extend_from_slice(&news);
        if !any {
            takes.truncate(start);
        }
    }

    /// Whether their row is newer than the one here, by this column.
    fn is_newer(&self, newest: usize) -> bool {
        let theirs = self.theirs(newest);
        let Some(ours) = self.ours(newest) else { return false };
        // What they have not changed, they have as it was.
        let compared = match theirs {
            Some(theirs) => compare(theirs, ours),
            None => Ordering::Equal,
        };
        let tie = || {
            let columns = 0..usize::try_from(self.columns).unwrap_or(0);
            let changed = columns.filter_map(|it| Some((self.after(it)?, self.ours(it)?)));
            changed.map(|(theirs, ours)| compare(theirs, ours)).find(|it| it.is_ne())
        };
        match compared {
            Ordering::Greater => true,
            Ordering::Less => false,
            Ordering::Equal if self.operation == ffi::SQLITE_DELETE => true,
            Ordering::Equal => tie().is_some_and(Ordering::is_gt),
        }
    }

    /// Returns the columns of which there is a value, or those of the key.
    #[inline(never)]
    fn row(
        &self,
        target: &TargetTable,
        only_key: bool,
        value: fn(&Self, usize) -> Option<ValueRef<'_>>,
    ) -> Vec<(String, Value)> {
        let mut row = Vec::new();
        for (at, (name, key)) in target.shape.names.iter().zip(&target.shape.keys).enumerate() {
            if (*key != 0 || !only_key)
                && let Some(value) = value(self, at)
            {
                row.push((String::from(&**name), value.to_value()));
            }
        }
        row
    }

    fn describe(
        &self,
        table: &str,
        kind: ConflictKind,
        target: &TargetTable,
        theirs: bool,
    ) -> Conflict {
        let has_ours = matches!(kind, ConflictKind::Data | ConflictKind::Exists);
        Conflict {
            table: table.to_owned(),
            kind,
            change: match self.operation {
                ffi::SQLITE_INSERT => RowChanged::Inserted,
                ffi::SQLITE_DELETE => RowChanged::Deleted,
                _ => RowChanged::Updated,
            },
            key: self.row(target, true, Self::known),
            ours: has_ours.then(|| self.row(target, false, Self::ours)),
            theirs: self.row(target, false, Self::theirs),
            decision: if theirs { Decision::Theirs } else { Decision::Ours },
        }
    }
}

/// Compares two values as SQLite sorts them.
fn compare(one: ValueRef<'_>, other: ValueRef<'_>) -> Ordering {
    use ValueRef::{Blob, Integer, Null, Real, Text};
    let rank = |value: &ValueRef<'_>| match value {
        Null => 0,
        Integer(_) | Real(_) => 1,
        Text(_) => 2,
        Blob(_) => 3,
    };
    match (one, other) {
        (Integer(one), Integer(other)) => one.cmp(&other),
        (Real(one), Real(other)) => one.total_cmp(&other),
        (Integer(one), Real(other)) => whole(one, other),
        (Real(one), Integer(other)) => whole(other, one).reverse(),
        (Text(one), Text(other)) | (Blob(one), Blob(other)) => one.cmp(other),
        (one, other) => rank(&one).cmp(&rank(&other)),
    }
}

/// Compares an integer with a real number, of which not every integer is one.
fn whole(integer: i64, real: f64) -> Ordering {
    let near = (integer as f64).total_cmp(&real);
    if near.is_eq() { integer.cmp(&(real as i64)) } else { near }
}
