//! Numbers for what other languages hold.
//!
//! They hold numbers and not addresses, so that a number used after its client has gone is
//! recognized, and never reaches freed memory or another client: each has a generation in its upper
//! half.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::thread::LocalKey;

/// Things by number.
pub(crate) struct Registry<T> {
    all: RwLock<Slots<T>>,
    /// How many were removed: what a thread remembers from before must not be used.
    removed: AtomicU64,
}

/// What a thread found last. Without it, every call of every thread would take the lock.
pub(crate) struct Last<T> {
    number: u64,
    removed: u64,
    value: Weak<T>,
}

impl<T> Last<T> {
    pub(crate) const fn none() -> RefCell<Self> {
        RefCell::new(Self { number: 0, removed: 0, value: Weak::new() })
    }
}

/// What a registry can hold.
pub(crate) trait Registered: Sized + 'static {
    /// What this thread found last.
    fn last() -> &'static LocalKey<RefCell<Last<Self>>>;
}

struct Slots<T> {
    slots: Vec<RegistrySlot<T>>,
    free: Vec<u32>,
}

struct RegistrySlot<T> {
    generation: u32,
    value: Option<Arc<T>>,
}

impl<T: Registered> Registry<T> {
    pub(crate) const fn new() -> Self {
        let all = RwLock::new(Slots { slots: Vec::new(), free: Vec::new() });
        Self { all, removed: AtomicU64::new(0) }
    }

    /// Adds `value`, and returns its number, never 0.
    pub(crate) fn put(&self, value: T) -> u64 {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let value = Some(Arc::new(value));
        let index = match all.free.pop() {
            Some(index) => {
                let slot = &mut all.slots[index as usize];
                slot.generation = slot.generation.wrapping_add(1).max(1);
                slot.value = value;
                index
            }
            None => {
                all.slots.push(RegistrySlot { generation: 1, value });
                #[allow(clippy::cast_possible_truncation, reason = "nobody holds 2^32 clients")]
                let index = (all.slots.len() - 1) as u32;
                index
            }
        };
        u64::from(all.slots[index as usize].generation) << 32 | u64::from(index)
    }

    pub(crate) fn get(&self, number: u64) -> Option<Arc<T>> {
        // Before the lookup: what is removed after it is as if removed after the call began.
        let removed = self.removed.load(Ordering::Acquire);
        let known = |last: &RefCell<Last<T>>| {
            let last = last.try_borrow().ok()?;
            (last.number == number && last.removed == removed).then(|| last.value.upgrade())?
        };
        // A thread that is ending has forgotten it.
        if let Ok(Some(value)) = T::last().try_with(known) {
            return Some(value);
        }
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        let slot = all.slots.get(place(number)?)?;
        let found =
            slot.value.as_ref().filter(|_| u64::from(slot.generation) == number >> 32).cloned()?;
        drop(all);
        let _ = T::last().try_with(|last| {
            if let Ok(mut last) = last.try_borrow_mut() {
                *last = Last { number, removed, value: Arc::downgrade(&found) };
            }
        });
        Some(found)
    }

    /// Forgets a number; calls under way keep what it named until they end.
    pub(crate) fn remove(&self, number: u64) -> Option<Arc<T>> {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let index = place(number)?;
        let slot = all.slots.get_mut(index)?;
        if u64::from(slot.generation) != number >> 32 {
            return None;
        }
        let value = slot.value.take()?;
        self.removed.fetch_add(1, Ordering::AcqRel);
        #[allow(clippy::cast_possible_truncation, reason = "it was made from 32 bits")]
        all.free.push(index as u32);
        Some(value)
    }
}

fn place(number: u64) -> Option<usize> {
    usize::try_from(number & u64::from(u32::MAX)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local!(static LAST: RefCell<Last<&'static str>> = const { Last::none() });

    impl Registered for &'static str {
        fn last() -> &'static LocalKey<RefCell<Last<Self>>> {
            &LAST
        }
    }

    #[test]
    fn a_number_of_something_gone_names_nothing_and_not_what_came_after() {
        let all = Registry::new();
        let first = all.put("a");
        let held = all.get(first);
        assert_eq!(all.get(first), held);
        assert_eq!(all.remove(first).as_deref(), Some(&"a"));
        assert_eq!((all.get(first), all.remove(first)), (None, None));
        let second = all.put("b");
        assert_ne!(first, second);
        assert_eq!((all.get(first), all.get(0), all.get(u64::MAX)), (None, None, None));
        assert_eq!(all.get(second).as_deref(), Some(&"b"));
    }
}
