//! What must be reached. A ratio is taken in each round, between neighbours in
//! time, and the median of the rounds counts; of a plain value the worst round.

use super::figures::{Figures, median};
use super::works::{RAW, UBIQLITE};

/// A figure: the work and the subject.
type Of = (&'static str, &'static str);

/// One goal.
pub(crate) struct Goal {
    pub(crate) measure: Measure,
    pub(crate) bound: Bound,
}

/// What is held against the bound.
#[derive(Clone, Copy)]
pub(crate) enum Measure {
    /// The first figure divided by the second.
    Ratio(Of, Of),
    /// A figure of ours itself.
    Value(&'static str),
}

/// Where the measure must be.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

use Bound::{AtLeast, AtMost};

/// Our time over another's: small is good.
const fn time(work: &'static str, over: Of, bound: f64) -> Goal {
    Goal { measure: Measure::Ratio((work, UBIQLITE), over), bound: AtMost(bound) }
}

/// Another's time over ours: how many times faster we are.
const fn faster(work: &'static str, than: Of, bound: f64) -> Goal {
    Goal { measure: Measure::Ratio(than, (work, UBIQLITE)), bound: AtLeast(bound) }
}

/// Our throughput over raw's.
const fn throughput(work: &'static str, bound: f64) -> Goal {
    Goal { measure: Measure::Ratio((work, UBIQLITE), (work, RAW)), bound: AtLeast(bound) }
}

/// A figure of ours that must not be above a value.
const fn at_most(work: &'static str, bound: f64) -> Goal {
    Goal { measure: Measure::Value(work), bound: AtMost(bound) }
}

/// The table of goals.
pub(crate) const GOALS: &[Goal] = &[
    time("point_read", ("point_read", RAW), 0.5),
    time("point_read", ("point_read_held", RAW), 1.6),
    faster("point_read", ("point_read", "async-sqlite"), 8.0),
    faster("point_read_pinned", ("point_read_pinned", "async-sqlite"), 8.0),
    faster("point_read_64", ("point_read_64", "async-sqlite"), 6.0),
    faster("point_read_64_writer", ("point_read_64_writer", "async-sqlite"), 3.0),
    faster("insert_64_full", ("insert_1_full", RAW), 10.0),
    faster("insert_64_full", ("insert_64_normal", "async-sqlite"), 1.0),
    faster("insert_64_full", ("insert_64_normal", "tokio-rusqlite"), 1.0),
    faster("insert_64_full", ("insert_64_normal", "deadpool-sqlite"), 1.0),
    faster("insert_64_full", ("insert_64_normal", "sqlx"), 1.0),
    time("insert_1_full", ("insert_1_full", RAW), 1.2),
    time("insert_1_normal", ("insert_1_normal", RAW), 1.6),
    time("stream_all", ("stream_all", RAW), 1.15),
    time("execute_many", ("execute_many", RAW), 1.15),
    at_most("stream_1m", 16.0),
    throughput("scan_2", 0.9),
    throughput("scan_4", 0.9),
    throughput("scan_8", 0.9),
    at_most("idle_wakes", 0.0),
    at_most("idle_threads_left", 0.0),
    at_most("idle_handles_left", 0.0),
];

/// A goal beside what was reached.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// Our figure.
    pub(crate) work: &'static str,
    /// What was compared, in words.
    pub(crate) measure: String,
    pub(crate) ratio: f64,
    pub(crate) goal: String,
    pub(crate) held: bool,
}

/// Every goal whose figures were measured.
pub(crate) fn judge(figures: &Figures) -> Vec<Verdict> {
    GOALS.iter().filter_map(|goal| goal.judge(figures)).collect()
}

impl Goal {
    fn judge(&self, figures: &Figures) -> Option<Verdict> {
        let ratio = self.measure.reached(figures)?;
        Some(Verdict {
            work: self.work(),
            measure: self.measure.words(figures),
            ratio,
            goal: self.bound.words(),
            held: self.bound.holds(ratio),
        })
    }

    fn work(&self) -> &'static str {
        match self.measure {
            Measure::Ratio((work, UBIQLITE), _) | Measure::Ratio(_, (work, _)) => work,
            Measure::Value(work) => work,
        }
    }
}

impl Measure {
    fn reached(self, figures: &Figures) -> Option<f64> {
        match self {
            Self::Ratio(over, under) => {
                let over = figures.get(over.0, over.1)?;
                let under = figures.get(under.0, under.1)?;
                let rounds = over.values.iter().zip(&under.values);
                let ratios: Vec<f64> = rounds.map(|(over, under)| over / under).collect();
                Some(median(&ratios))
            }
            Self::Value(work) => Some(figures.get(work, UBIQLITE)?.max()),
        }
    }

    fn words(self, figures: &Figures) -> String {
        match self {
            Self::Ratio(over, under) => {
                format!("{} `{}` / {} `{}`", over.1, over.0, under.1, under.0)
            }
            Self::Value(work) => {
                let unit = figures.get(work, UBIQLITE).map_or("", |it| it.unit.as_str());
                format!("{UBIQLITE} `{work}`, {unit}")
            }
        }
    }
}

impl Bound {
    fn holds(self, ratio: f64) -> bool {
        match self {
            AtMost(bound) => ratio <= bound,
            AtLeast(bound) => ratio >= bound,
        }
    }

    fn words(self) -> String {
        match self {
            AtMost(bound) => format!("≤{bound}"),
            AtLeast(bound) => format!("≥{bound}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::works::is_measured;
    use super::*;

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_and_a_slow_round_does_not_count() {
        let mut figures = Figures::default();
        for (ours, raw) in [(1.0, 4.0), (3.0, 10.0), (50.0, 4.0)] {
            figures.add("point_read", UBIQLITE, "us", ours);
            figures.add("point_read", RAW, "us", raw);
        }
        let verdicts = judge(&figures);
        assert_eq!(verdicts.len(), 1);
        assert!((verdicts[0].ratio - 0.3).abs() < 1e-9 && verdicts[0].held);
    }

    #[test]
    fn one_wake_up_in_one_round_misses_the_goal() {
        let mut figures = Figures::default();
        for wakes in [0.0, 0.0, 1.0] {
            figures.add("idle_wakes", UBIQLITE, "count", wakes);
        }
        assert!(!judge(&figures)[0].held);
    }

    #[test]
    fn every_goal_speaks_of_figures_that_a_run_has() {
        for goal in GOALS {
            let figures = match goal.measure {
                Measure::Ratio(over, under) => vec![over, under],
                Measure::Value(work) => vec![(work, UBIQLITE)],
            };
            for (work, subject) in figures {
                assert!(is_measured(work, subject), "{work} of {subject}");
            }
        }
    }
}
