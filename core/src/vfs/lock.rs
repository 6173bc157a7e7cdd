//! The locks of a database file, <https://sqlite.org/lockingv3.html>, among the
//! connections of this process.

use std::ffi::c_int;

use rusqlite::ffi;

/// Names a connection to a file.
pub(super) type Owner = usize;

/// Who holds which lock of one file.
#[derive(Debug, Default)]
pub(super) struct Locks {
    /// How many have at least a shared lock.
    shared: usize,
    reserved: Option<Owner>,
    pending: Option<Owner>,
    exclusive: Option<Owner>,
}

fn others(holder: Option<Owner>, me: Owner) -> bool {
    holder.is_some_and(|holder| holder != me)
}

impl Locks {
    /// Raises a lock from `held` to `wanted`, and answers the lock held then: it
    /// may be less than wanted.
    pub(super) fn raise(&mut self, me: Owner, held: c_int, wanted: c_int) -> (c_int, c_int) {
        if held >= wanted {
            return (held, ffi::SQLITE_OK);
        }
        let mut held = held;
        if held == ffi::SQLITE_LOCK_NONE {
            if others(self.pending, me) || others(self.exclusive, me) {
                return (held, ffi::SQLITE_BUSY);
            }
            self.shared += 1;
            held = ffi::SQLITE_LOCK_SHARED;
        }
        if wanted == ffi::SQLITE_LOCK_SHARED {
            return (held, ffi::SQLITE_OK);
        }
        if others(self.reserved, me) || others(self.pending, me) {
            return (held, ffi::SQLITE_BUSY);
        }
        if wanted == ffi::SQLITE_LOCK_RESERVED {
            self.reserved = Some(me);
            return (wanted, ffi::SQLITE_OK);
        }
        // From here on nobody begins to read; who reads is waited for.
        self.pending = Some(me);
        if wanted == ffi::SQLITE_LOCK_PENDING || self.shared > 1 {
            let code =
                if wanted == ffi::SQLITE_LOCK_PENDING { ffi::SQLITE_OK } else { ffi::SQLITE_BUSY };
            return (ffi::SQLITE_LOCK_PENDING, code);
        }
        self.exclusive = Some(me);
        (ffi::SQLITE_LOCK_EXCLUSIVE, ffi::SQLITE_OK)
    }

    /// Lowers a lock from `held` to shared or none.
    pub(super) fn lower(&mut self, me: Owner, held: c_int, wanted: c_int) -> c_int {
        if held <= wanted {
            return held;
        }
        for holder in [&mut self.reserved, &mut self.pending, &mut self.exclusive] {
            if *holder == Some(me) {
                *holder = None;
            }
        }
        if wanted == ffi::SQLITE_LOCK_NONE {
            self.shared -= 1;
        }
        wanted
    }

    /// Whether anybody is about to write.
    pub(super) fn is_reserved(&self) -> bool {
        self.reserved.is_some() || self.pending.is_some() || self.exclusive.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ffi::{
        SQLITE_BUSY, SQLITE_LOCK_EXCLUSIVE, SQLITE_LOCK_NONE, SQLITE_LOCK_PENDING,
        SQLITE_LOCK_RESERVED, SQLITE_LOCK_SHARED, SQLITE_OK,
    };

    #[test]
    fn a_writer_waits_for_readers_and_lets_no_new_one_in() {
        let mut locks = Locks::default();
        let mut raise = |me, held, wanted| locks.raise(me, held, wanted);
        assert_eq!(raise(1, SQLITE_LOCK_NONE, SQLITE_LOCK_SHARED), (SQLITE_LOCK_SHARED, SQLITE_OK));
        assert_eq!(raise(2, SQLITE_LOCK_NONE, SQLITE_LOCK_SHARED), (SQLITE_LOCK_SHARED, SQLITE_OK));
        let reserved = raise(1, SQLITE_LOCK_SHARED, SQLITE_LOCK_RESERVED);
        assert_eq!(reserved, (SQLITE_LOCK_RESERVED, SQLITE_OK));
        let second = raise(2, SQLITE_LOCK_SHARED, SQLITE_LOCK_RESERVED);
        assert_eq!(second, (SQLITE_LOCK_SHARED, SQLITE_BUSY));
        let waits = raise(1, SQLITE_LOCK_RESERVED, SQLITE_LOCK_EXCLUSIVE);
        assert_eq!(waits, (SQLITE_LOCK_PENDING, SQLITE_BUSY));
        let late = raise(3, SQLITE_LOCK_NONE, SQLITE_LOCK_SHARED);
        assert_eq!(late, (SQLITE_LOCK_NONE, SQLITE_BUSY));
        assert_eq!(locks.lower(2, SQLITE_LOCK_SHARED, SQLITE_LOCK_NONE), SQLITE_LOCK_NONE);
        let alone = locks.raise(1, SQLITE_LOCK_PENDING, SQLITE_LOCK_EXCLUSIVE);
        assert_eq!(alone, (SQLITE_LOCK_EXCLUSIVE, SQLITE_OK));
        assert!(locks.is_reserved());
        locks.lower(1, SQLITE_LOCK_EXCLUSIVE, SQLITE_LOCK_NONE);
        assert!(!locks.is_reserved());
    }
}
