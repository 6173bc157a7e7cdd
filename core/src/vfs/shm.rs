//! The write-ahead log's shared memory, <https://sqlite.org/walformat.html#wal_index_format>,
//! shared by the connections of this process.

use std::ffi::c_int;

use rusqlite::ffi;

use super::lock::Owner;

const SLOTS: usize = ffi::SQLITE_SHM_NLOCK as usize;

/// The regions and locks of one file's log.
#[derive(Debug, Default)]
pub(super) struct Memory {
    // Boxed, so that a region stays where it is; words, so that it is aligned.
    regions: Vec<Box<[u64]>>,
    slots: [Slot; SLOTS],
    /// Who has it mapped.
    mapped: Vec<Owner>,
}

#[derive(Debug, Default)]
struct Slot {
    shared: Vec<Owner>,
    exclusive: Option<Owner>,
}

impl Memory {
    /// Where a region lies; null if there is none yet, and `extend` does not ask
    /// for one.
    pub(super) fn map(&mut self, me: Owner, region: usize, size: usize, extend: bool) -> *mut u64 {
        if !self.mapped.contains(&me) {
            self.mapped.push(me);
        }
        while extend && self.regions.len() <= region {
            self.regions.push(vec![0; size.div_ceil(8)].into());
        }
        self.regions.get_mut(region).map_or(std::ptr::null_mut(), |region| region.as_mut_ptr())
    }

    /// Takes or gives back the locks of a range of slots: all, or none.
    pub(super) fn lock(&mut self, me: Owner, first: usize, count: usize, flags: c_int) -> c_int {
        let Some(slots) = self.slots.get_mut(first..first + count) else {
            return ffi::SQLITE_IOERR_SHMLOCK;
        };
        if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
            for slot in slots {
                if flags & ffi::SQLITE_SHM_SHARED != 0 {
                    slot.shared.retain(|holder| *holder != me);
                } else if slot.exclusive == Some(me) {
                    slot.exclusive = None;
                }
            }
            return ffi::SQLITE_OK;
        }
        let exclusive = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
        let taken = slots.iter().any(|slot| {
            slot.exclusive.is_some_and(|holder| holder != me)
                || (exclusive && slot.shared.iter().any(|holder| *holder != me))
        });
        if taken {
            return ffi::SQLITE_BUSY;
        }
        for slot in slots {
            if exclusive {
                slot.exclusive = Some(me);
            } else if !slot.shared.contains(&me) {
                slot.shared.push(me);
            }
        }
        ffi::SQLITE_OK
    }

    /// Lets go of everything. What nobody has mapped any more is gone: the next
    /// one finds zeros, and reads the log anew.
    pub(super) fn unmap(&mut self, me: Owner) {
        for slot in &mut self.slots {
            slot.shared.retain(|holder| *holder != me);
            if slot.exclusive == Some(me) {
                slot.exclusive = None;
            }
        }
        self.mapped.retain(|owner| *owner != me);
        if self.mapped.is_empty() {
            self.regions.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ffi::{
        SQLITE_BUSY, SQLITE_OK, SQLITE_SHM_EXCLUSIVE, SQLITE_SHM_LOCK, SQLITE_SHM_SHARED,
        SQLITE_SHM_UNLOCK,
    };

    #[test]
    fn a_region_stays_where_it_is_and_is_gone_with_its_last_user() {
        let mut memory = Memory::default();
        assert!(memory.map(1, 0, 32768, false).is_null());
        let first = memory.map(1, 0, 32768, true);
        // SAFETY: the region has this many words.
        unsafe { *first = 7 };
        memory.map(2, 9, 32768, true);
        assert_eq!(memory.map(2, 0, 32768, false), first);
        memory.unmap(1);
        assert_eq!(memory.map(2, 0, 32768, false), first);
        memory.unmap(2);
        let anew = memory.map(1, 0, 32768, true);
        // SAFETY: as above.
        assert_eq!(unsafe { *anew }, 0);
    }

    #[test]
    fn an_exclusive_lock_of_several_slots_is_taken_whole_or_not_at_all() {
        let mut memory = Memory::default();
        let lock = SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE;
        assert_eq!(memory.lock(1, 3, 1, SQLITE_SHM_LOCK | SQLITE_SHM_SHARED), SQLITE_OK);
        assert_eq!(memory.lock(2, 3, 1, SQLITE_SHM_LOCK | SQLITE_SHM_SHARED), SQLITE_OK);
        assert_eq!(memory.lock(1, 1, 4, lock), SQLITE_BUSY);
        assert_eq!(memory.lock(2, 1, 1, lock), SQLITE_OK);
        assert_eq!(memory.lock(2, 3, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED), SQLITE_OK);
        assert_eq!(memory.lock(1, 3, 1, lock), SQLITE_OK);
        assert_eq!(memory.lock(2, 3, 1, SQLITE_SHM_LOCK | SQLITE_SHM_SHARED), SQLITE_BUSY);
    }
}
