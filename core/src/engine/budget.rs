//! How much work a caller's thread does before handing it to another: a limit on steps of SQLite's
//! virtual machine, and on time.

use std::ffi::c_int;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::platform;

/// The number of virtual machine steps, about a microsecond, after which SQLite asks. They are
/// counted over all runs of a statement, so the first question comes early.
pub(crate) const STEPS_BETWEEN_QUESTIONS: c_int = 100;

/// Short work is about 2,000 steps.
const QUESTIONS: u32 = 20;

/// The time limit, from the second question on: a step may have to copy or compare long values. A
/// point read is asked at most once, and needs no clock.
const TIME: Duration = Duration::from_micros(300);

/// What short work may still use. Only one thread at a time uses it.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    asked: AtomicU32,
    /// When it was asked for the second time, in nanoseconds.
    since: AtomicU64,
}

impl Budget {
    /// Begins short work.
    #[inline]
    pub(crate) fn begin(&self) {
        self.asked.store(0, Ordering::Relaxed);
    }

    /// Counts one more question, and returns whether it was one too many: then the work is given up.
    pub(crate) fn is_spent(&self) -> bool {
        let asked = self.asked.load(Ordering::Relaxed) + 1;
        self.asked.store(asked, Ordering::Relaxed);
        if asked == 1 {
            return false;
        }
        let now = platform::nanos(platform::now());
        if asked == 2 {
            self.since.store(now, Ordering::Relaxed);
            return false;
        }
        let took = now.saturating_sub(self.since.load(Ordering::Relaxed));
        let spent = asked > QUESTIONS || u128::from(took) > TIME.as_nanos();
        if spent {
            // The caller interrupts the work.
            super::disk_wait::give_up();
        }
        spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_work_ends_by_its_steps_or_by_its_time() {
        let budget = Budget::default();
        budget.begin();
        let questions = (1..).find(|_| budget.is_spent()).unwrap();
        assert!(questions <= QUESTIONS + 1, "{questions}");
        budget.begin();
        assert!(!budget.is_spent());
        assert!(!budget.is_spent());
        std::thread::sleep(TIME * 2);
        assert!(budget.is_spent());
        budget.begin();
        assert!(!budget.is_spent(), "the next work has its own time");
    }
}
