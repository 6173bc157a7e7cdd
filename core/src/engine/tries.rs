//! Whether a statement is tried as inline work, learned from how its tries ended.
//!
//! A try that turns out to be long costs the time of its budget, and the work runs again elsewhere;
//! not to try costs the change of threads, each time. And a try may end too late by accident: the
//! system let another thread run in the middle, a page came from the disk. So what was too long
//! three times is passed over for some runs, more runs each time, and never for good.

/// How many tries may exceed the budget before runs are passed over.
const MOST_OVERRUNS: u8 = 3;

/// How many runs are passed over then. Each further overrun doubles it.
const FIRST_PASSES: u16 = 16;

/// How often it is doubled at most: to one try in about 4,000 runs.
const MOST_DOUBLINGS: u8 = 8;

/// How many tries in budget make up for one that was not.
const FORGIVEN_AFTER: u8 = 32;

/// What is known of a statement's tries.
#[derive(Debug, Default)]
pub(super) struct Tries {
    /// It is known to be long without any try.
    never: bool,
    overruns: u8,
    /// How many of the next runs are no tries.
    passes: u16,
    /// Tries since the last overrun, or since so many of them made up for one.
    in_budget: u8,
}

impl Tries {
    /// Whether the next run is no try.
    #[inline]
    pub(super) fn are_off(&self) -> bool {
        self.never || self.passes > 0
    }

    /// Whether the run that begins is to be a try; must be called once for each.
    #[inline]
    pub(super) fn may_begin(&mut self) -> bool {
        if self.are_off() {
            self.passes = self.passes.saturating_sub(1);
            return false;
        }
        if self.overruns > 0 {
            // In budget, unless it is noted that it was not.
            self.in_budget += 1;
            if self.in_budget == FORGIVEN_AFTER {
                self.in_budget = 0;
                self.overruns -= 1;
            }
        }
        true
    }

    /// A try exceeded the budget.
    pub(super) fn note_overrun(&mut self) {
        self.in_budget = 0;
        self.overruns = self.overruns.saturating_add(1).min(MOST_OVERRUNS + MOST_DOUBLINGS);
        if let Some(further) = self.overruns.checked_sub(MOST_OVERRUNS) {
            self.passes = FIRST_PASSES << further;
        }
    }

    /// Ends tries, or lets them begin anew, for a reason other than earlier tries.
    pub(super) fn set_never(&mut self, never: bool) {
        *self = Self { never, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a statement, and returns how many of the runs were tries.
    fn tried(tries: &mut Tries, runs: u32, mut is_long: impl FnMut(u32) -> bool) -> u32 {
        let mut tried = 0;
        for run in 0..runs {
            if tries.may_begin() {
                tried += 1;
                if is_long(run) {
                    tries.note_overrun();
                }
            }
        }
        tried
    }

    #[test]
    fn what_is_always_long_is_hardly_tried() {
        let mut tries = Tries::default();
        assert!(tried(&mut tries, 100_000, |_| true) < 40);
        assert!(tries.are_off());
    }

    #[test]
    fn what_was_too_long_by_accident_is_tried_again() {
        let mut tries = Tries::default();
        assert!(tried(&mut tries, 100_000, |run| run % 1_000 == 7) > 99_900);
        // Even if it happened many times in a row.
        tried(&mut tries, 10_000, |_| true);
        assert!(tried(&mut tries, 100_000, |_| false) > 95_000);
        assert_eq!(tries.overruns, 0);
    }

    #[test]
    fn what_is_long_every_other_time_is_mostly_passed_over() {
        let mut tries = Tries::default();
        assert!(tried(&mut tries, 100_000, |run| run % 2 == 0) < 1_000);
    }

    #[test]
    fn what_is_known_to_be_long_is_never_tried() {
        let mut tries = Tries::default();
        tries.set_never(true);
        assert_eq!(tried(&mut tries, 10_000, |_| false), 0);
        tries.set_never(false);
        assert_eq!(tried(&mut tries, 10_000, |_| false), 10_000);
    }
}
