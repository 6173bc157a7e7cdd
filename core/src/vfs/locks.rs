//! The locks of a database file, <https://sqlite.org/lockingv3.html>: a table in
//! memory, since every connection is in this process.

use std::ffi::c_int;

use crate::ffi::{
    SQLITE_BUSY, SQLITE_LOCK_EXCLUSIVE as EXCLUSIVE, SQLITE_LOCK_NONE as NONE,
    SQLITE_LOCK_PENDING as PENDING, SQLITE_LOCK_RESERVED as RESERVED, SQLITE_LOCK_SHARED as SHARED,
    SQLITE_OK,
};

/// Who holds what on one file.
#[derive(Debug, Default)]
pub(super) struct Locks {
    /// Connections that hold SHARED or more.
    holders: usize,
    /// The level of the one connection that holds RESERVED or more; NONE if there is none.
    highest: c_int,
}

/// What one connection holds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct LockLevel(pub(super) c_int);

impl Locks {
    /// Raises what a connection holds, or returns `SQLITE_BUSY`.
    pub(super) fn raise(&mut self, held: &mut LockLevel, to: c_int) -> c_int {
        if held.0 >= to {
            return SQLITE_OK;
        }
        // Only one connection gets beyond SHARED: is it another one?
        let other = if held.0 >= RESERVED { NONE } else { self.highest };
        if to == SHARED {
            // PENDING keeps new readers out, so that the writer does not starve.
            if other >= PENDING {
                return SQLITE_BUSY;
            }
            self.holders += 1;
        } else {
            if other != NONE {
                return SQLITE_BUSY;
            }
            if to == EXCLUSIVE && self.holders > 1 {
                // A reader that wants to play a journal back does not keep the others out: it may
                // be one of two that would wait forever.
                if held.0 == RESERVED {
                    self.set(held, PENDING);
                }
                return SQLITE_BUSY;
            }
            self.highest = to;
        }
        held.0 = to;
        SQLITE_OK
    }

    /// Lowers what a connection holds to SHARED or NONE.
    pub(super) fn lower(&mut self, held: &mut LockLevel, to: c_int) {
        if held.0 >= RESERVED && to < RESERVED {
            self.set(held, SHARED);
            self.highest = NONE;
        }
        if held.0 >= SHARED && to < SHARED {
            self.holders -= 1;
            held.0 = NONE;
        }
    }

    /// Whether any connection is writing, or about to.
    pub(super) fn is_reserved(&self) -> bool {
        self.highest >= RESERVED
    }

    fn set(&mut self, held: &mut LockLevel, level: c_int) {
        self.highest = level;
        held.0 = level;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_read_beside_the_one_that_prepares_to_write() {
        let (mut locks, mut a, mut b, mut c) =
            (Locks::default(), LockLevel::default(), LockLevel::default(), LockLevel::default());
        assert_eq!(locks.raise(&mut a, SHARED), SQLITE_OK);
        assert_eq!(locks.raise(&mut b, SHARED), SQLITE_OK);
        assert!(!locks.is_reserved());
        assert_eq!(locks.raise(&mut a, RESERVED), SQLITE_OK);
        assert!(locks.is_reserved());
        assert_eq!(locks.raise(&mut b, RESERVED), SQLITE_BUSY);
        assert_eq!(locks.raise(&mut c, SHARED), SQLITE_OK);
    }

    #[test]
    fn a_writer_that_waits_for_readers_lets_no_new_ones_in() {
        let (mut locks, mut a, mut b, mut c) =
            (Locks::default(), LockLevel::default(), LockLevel::default(), LockLevel::default());
        locks.raise(&mut a, SHARED);
        locks.raise(&mut b, SHARED);
        locks.raise(&mut a, RESERVED);
        assert_eq!(locks.raise(&mut a, EXCLUSIVE), SQLITE_BUSY);
        assert_eq!(a.0, PENDING);
        assert_eq!(locks.raise(&mut c, SHARED), SQLITE_BUSY);
        locks.lower(&mut b, NONE);
        assert_eq!(locks.raise(&mut a, EXCLUSIVE), SQLITE_OK);
        assert_eq!(locks.raise(&mut b, SHARED), SQLITE_BUSY);
        locks.lower(&mut a, SHARED);
        assert!(!locks.is_reserved());
        assert_eq!(locks.raise(&mut b, SHARED), SQLITE_OK);
        locks.lower(&mut a, NONE);
        locks.lower(&mut b, NONE);
        assert_eq!(locks.holders, 0);
    }

    #[test]
    fn of_two_that_would_play_a_journal_back_neither_keeps_the_other_out() {
        let (mut locks, mut a, mut b) =
            (Locks::default(), LockLevel::default(), LockLevel::default());
        locks.raise(&mut a, SHARED);
        locks.raise(&mut b, SHARED);
        assert_eq!(locks.raise(&mut a, EXCLUSIVE), SQLITE_BUSY);
        assert_eq!(a.0, SHARED);
        locks.lower(&mut a, NONE);
        assert_eq!(locks.raise(&mut b, EXCLUSIVE), SQLITE_OK);
    }
}
