//! The memory that the connections of a database in WAL mode share, and its eight
//! locks, <https://sqlite.org/walformat.html#wal_index_file_format>.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::AtomicU64;

use crate::ffi::{
    SQLITE_BUSY, SQLITE_IOERR_SHMLOCK, SQLITE_IOERR_SHMMAP, SQLITE_OK, SQLITE_SHM_EXCLUSIVE,
    SQLITE_SHM_LOCK, SQLITE_SHM_NLOCK, SQLITE_SHM_SHARED, SQLITE_SHM_UNLOCK,
};

/// The size of a region, as wal.c maps them.
const REGION: usize = 32_768;
const SLOTS: usize = SQLITE_SHM_NLOCK as usize;

/// The slot whose holder writes to the log: `WAL_WRITE_LOCK` in wal.c.
const WRITE: u8 = 1;

/// The shared memory of one database file.
#[derive(Debug, Default)]
pub(super) struct Shm {
    /// Regions stay where they are until the last connection unmaps them. SQLite writes them
    /// through its own pointers, from any connection: hence atomics.
    regions: Vec<Box<[AtomicU64]>>,
    attached: usize,
    slots: [ShmLock; SLOTS],
}

#[derive(Debug, Default, Clone, Copy)]
struct ShmLock {
    shared: usize,
    exclusive: bool,
}

/// What one connection has of it: locks as bits by slot.
#[derive(Debug, Default)]
pub(super) struct Share {
    attached: bool,
    shared: u8,
    exclusive: u8,
}

impl Share {
    /// Whether the connection may be writing to the log.
    pub(super) fn writes(&self) -> bool {
        self.exclusive & WRITE != 0
    }
}

impl Shm {
    /// Returns a region's address; null if it is not there and must not be made.
    ///
    /// # Errors
    /// A result code.
    pub(super) fn map(
        &mut self,
        share: &mut Share,
        index: c_int,
        size: c_int,
        extend: bool,
    ) -> Result<*mut c_void, c_int> {
        let (Ok(index), Ok(REGION)) = (usize::try_from(index), usize::try_from(size)) else {
            return Err(SQLITE_IOERR_SHMMAP);
        };
        if !share.attached {
            share.attached = true;
            self.attached += 1;
        }
        if extend {
            while self.regions.len() <= index {
                let words = REGION / size_of::<AtomicU64>();
                self.regions.push((0..words).map(|_| AtomicU64::new(0)).collect());
            }
        }
        Ok(self
            .regions
            .get(index)
            .map_or(ptr::null_mut(), |region| region.as_ptr().cast_mut().cast()))
    }

    /// Takes or releases `count` locks from slot `first` on.
    pub(super) fn lock(
        &mut self,
        share: &mut Share,
        first: c_int,
        count: c_int,
        flags: c_int,
    ) -> c_int {
        let (Ok(first), Ok(count)) = (usize::try_from(first), usize::try_from(count)) else {
            return SQLITE_IOERR_SHMLOCK;
        };
        let Some(range) = self.slots.get_mut(first..first + count) else {
            return SQLITE_IOERR_SHMLOCK;
        };
        let slots = range.iter_mut().enumerate().map(|(n, slot)| (slot, 1_u8 << (first + n)));
        const LOCK_SHARED: c_int = SQLITE_SHM_LOCK | SQLITE_SHM_SHARED;
        const LOCK_EXCLUSIVE: c_int = SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE;
        match flags {
            _ if flags & SQLITE_SHM_UNLOCK != 0 => {
                for (slot, bit) in slots {
                    slot.release(share, bit);
                }
            }
            LOCK_SHARED => {
                for (slot, bit) in slots {
                    if (share.shared | share.exclusive) & bit != 0 {
                        continue;
                    }
                    if slot.exclusive {
                        return SQLITE_BUSY;
                    }
                    slot.shared += 1;
                    share.shared |= bit;
                }
            }
            LOCK_EXCLUSIVE => {
                let mut slots: smallvec::SmallVec<[_; SLOTS]> = slots.collect();
                // All or none.
                for (slot, bit) in &slots {
                    let own = usize::from(share.shared & bit != 0);
                    if (slot.exclusive && share.exclusive & bit == 0) || slot.shared > own {
                        return SQLITE_BUSY;
                    }
                }
                for (slot, bit) in &mut slots {
                    slot.release(share, *bit);
                    slot.exclusive = true;
                    share.exclusive |= *bit;
                }
            }
            _ => return SQLITE_IOERR_SHMLOCK,
        }
        SQLITE_OK
    }

    /// Releases everything that a connection has. The memory goes with the last one.
    pub(super) fn unmap(&mut self, share: &mut Share) {
        for (index, slot) in self.slots.iter_mut().enumerate() {
            slot.release(share, 1 << index);
        }
        if share.attached {
            share.attached = false;
            self.attached -= 1;
            if self.attached == 0 {
                self.regions.clear();
            }
        }
    }
}

impl ShmLock {
    fn release(&mut self, share: &mut Share, bit: u8) {
        if share.exclusive & bit != 0 {
            self.exclusive = false;
        }
        if share.shared & bit != 0 {
            self.shared -= 1;
        }
        share.exclusive &= !bit;
        share.shared &= !bit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARED: c_int = SQLITE_SHM_LOCK | SQLITE_SHM_SHARED;
    const EXCLUSIVE: c_int = SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE;
    const UNLOCK: c_int = SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE;

    #[test]
    fn a_slot_is_of_many_or_of_one() {
        let (mut shm, mut a, mut b) = (Shm::default(), Share::default(), Share::default());
        assert_eq!(shm.lock(&mut a, 3, 1, SHARED), SQLITE_OK);
        assert_eq!(shm.lock(&mut b, 3, 1, SHARED), SQLITE_OK);
        assert_eq!(shm.lock(&mut a, 2, 3, EXCLUSIVE), SQLITE_BUSY);
        shm.lock(&mut b, 3, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED);
        assert_eq!(shm.lock(&mut a, 2, 3, EXCLUSIVE), SQLITE_OK);
        assert_eq!(shm.lock(&mut b, 4, 1, SHARED), SQLITE_BUSY);
        assert_eq!(shm.lock(&mut b, 5, 1, EXCLUSIVE), SQLITE_OK);
        shm.lock(&mut a, 2, 3, UNLOCK);
        assert_eq!(shm.lock(&mut b, 4, 1, SHARED), SQLITE_OK);
        assert_eq!(shm.lock(&mut b, 7, 2, EXCLUSIVE), SQLITE_IOERR_SHMLOCK);
    }

    #[test]
    fn a_refused_lock_takes_none_of_its_slots() {
        let (mut shm, mut a, mut b) = (Shm::default(), Share::default(), Share::default());
        shm.lock(&mut b, 4, 1, SHARED);
        assert_eq!(shm.lock(&mut a, 0, 8, EXCLUSIVE), SQLITE_BUSY);
        assert_eq!(shm.lock(&mut b, 0, 4, EXCLUSIVE), SQLITE_OK);
    }

    #[test]
    fn memory_stays_where_it_is_and_is_new_after_the_last_let_go() {
        let (mut shm, mut a, mut b) = (Shm::default(), Share::default(), Share::default());
        assert!(shm.map(&mut a, 0, 32_768, false).unwrap().is_null());
        let first = shm.map(&mut a, 0, 32_768, true).unwrap();
        shm.map(&mut a, 9, 32_768, true).unwrap();
        assert_eq!(shm.map(&mut b, 0, 32_768, false).unwrap(), first);
        assert!(first.cast::<AtomicU64>().is_aligned());
        // SAFETY: the region is mapped.
        unsafe { *first.cast::<u8>() = 7 };
        shm.lock(&mut a, 0, 1, EXCLUSIVE);
        shm.unmap(&mut a);
        // SAFETY: `b` has it still.
        assert_eq!(unsafe { *first.cast::<u8>() }, 7);
        assert_eq!(shm.lock(&mut b, 0, 1, EXCLUSIVE), SQLITE_OK);
        shm.unmap(&mut b);
        let again = shm.map(&mut a, 0, 32_768, true).unwrap();
        // SAFETY: the region is mapped.
        assert_eq!(unsafe { *again.cast::<u8>() }, 0);
    }
}
