//! The goals. A ratio is computed in each round, between runs adjacent in time, and the
//! median of the rounds counts. For a plain value the worst round counts.

use super::figures::{Figures, median};
use super::suite::UBIQLITE;

/// A figure: the work and the subject.
pub(crate) type Of = (&'static str, &'static str);

/// One goal.
pub(crate) struct Goal {
    pub(crate) measure: Measure,
    pub(crate) bound: Bound,
}

/// What is compared with the bound.
#[derive(Clone, Copy)]
pub(crate) enum Measure {
    /// The first figure divided by the second.
    Ratio(Of, Of),
    /// A figure divided by a sum of others, each multiplied by a factor.
    OverSum(Of, &'static [(f64, Of)]),
    /// One of our figures, in the worst round.
    Value(&'static str),
    /// One of our times, in the median round: on a shared machine the worst round shows the load
    /// of others.
    Usual(&'static str),
}

/// The limit on the measure.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

use Bound::{AtLeast, AtMost};

/// Our time divided by another's: smaller is better.
pub(crate) const fn time(work: &'static str, over: Of, bound: f64) -> Goal {
    Goal { measure: Measure::Ratio((work, UBIQLITE), over), bound: AtMost(bound) }
}

/// One figure divided by another, of any subjects.
pub(crate) const fn ratio(of: Of, over: Of, bound: f64) -> Goal {
    Goal { measure: Measure::Ratio(of, over), bound: AtMost(bound) }
}

/// Another's time divided by ours: how many times faster we are.
pub(crate) const fn faster(work: &'static str, than: Of, bound: f64) -> Goal {
    Goal { measure: Measure::Ratio(than, (work, UBIQLITE)), bound: AtLeast(bound) }
}

/// Our time divided by a sum of other times.
pub(crate) const fn time_over_sum(
    work: &'static str,
    sum: &'static [(f64, Of)],
    bound: f64,
) -> Goal {
    Goal { measure: Measure::OverSum((work, UBIQLITE), sum), bound: AtMost(bound) }
}

/// Our throughput divided by another's for the same work.
pub(crate) const fn throughput(work: &'static str, subject: &'static str, bound: f64) -> Goal {
    Goal { measure: Measure::Ratio((work, UBIQLITE), (work, subject)), bound: AtLeast(bound) }
}

/// One of our figures, which must not be above a value in any round.
pub(crate) const fn at_most(work: &'static str, bound: f64) -> Goal {
    Goal { measure: Measure::Value(work), bound: AtMost(bound) }
}

/// One of our figures, which must usually not be below a value.
pub(crate) const fn usually_at_least(work: &'static str, bound: f64) -> Goal {
    Goal { measure: Measure::Usual(work), bound: AtLeast(bound) }
}

/// One of our times, which must usually not be above a value.
pub(crate) const fn usually_at_most(work: &'static str, bound: f64) -> Goal {
    Goal { measure: Measure::Usual(work), bound: AtMost(bound) }
}

/// A goal, and the measured value.
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

/// Returns the verdict on every goal whose figures were measured.
pub(crate) fn judge(goals: &[Goal], figures: &Figures) -> Vec<Verdict> {
    goals.iter().filter_map(|goal| goal.judge(figures)).collect()
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
            Measure::OverSum((work, _), _) | Measure::Value(work) | Measure::Usual(work) => work,
        }
    }
}

impl Measure {
    fn reached(self, figures: &Figures) -> Option<f64> {
        let values = |of: Of| figures.get(of.0, of.1).map(|figure| figure.values.as_slice());
        let usual = |over: &[f64], under: &[f64]| {
            let ratios: Vec<f64> =
                over.iter().zip(under).map(|(over, under)| over / under).collect();
            median(&ratios)
        };
        match self {
            Self::Ratio(over, under) => Some(usual(values(over)?, values(under)?)),
            Self::OverSum(over, terms) => {
                let over = values(over)?;
                let mut sums = vec![0.0; over.len()];
                for (factor, of) in terms {
                    sums.iter_mut()
                        .zip(values(*of)?)
                        .for_each(|(sum, value)| *sum += factor * value);
                }
                Some(usual(over, &sums))
            }
            Self::Value(work) => Some(figures.get(work, UBIQLITE)?.max()),
            Self::Usual(work) => Some(figures.get(work, UBIQLITE)?.median()),
        }
    }

    fn words(self, figures: &Figures) -> String {
        let name = |of: Of| format!("{} `{}`", of.1, of.0);
        match self {
            Self::Ratio(over, under) => format!("{} / {}", name(over), name(under)),
            Self::OverSum(over, terms) => {
                let terms: Vec<String> = terms
                    .iter()
                    .map(|(factor, of)| match *factor {
                        1.0 => name(*of),
                        factor => format!("{factor} × {}", name(*of)),
                    })
                    .collect();
                format!("{} / ({})", name(over), terms.join(" + "))
            }
            Self::Value(work) | Self::Usual(work) => {
                let unit = figures.get(work, UBIQLITE).map_or("", |it| it.unit.as_str());
                format!("{UBIQLITE} `{work}`, {unit}")
            }
        }
    }

    /// Returns the figures that it is computed from.
    #[cfg(test)]
    pub(crate) fn figures(self) -> Vec<Of> {
        match self {
            Self::Ratio(over, under) => vec![over, under],
            Self::OverSum(over, terms) => terms.iter().map(|(_, of)| *of).chain([over]).collect(),
            Self::Value(work) | Self::Usual(work) => vec![(work, UBIQLITE)],
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
    use super::*;

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_and_a_slow_round_does_not_count() {
        let mut figures = Figures::default();
        for (ours, raw) in [(1.0, 4.0), (3.0, 10.0), (50.0, 4.0)] {
            figures.add("point_read", UBIQLITE, "us", ours);
            figures.add("point_read", "raw", "us", raw);
        }
        let verdicts = judge(&[time("point_read", ("point_read", "raw"), 0.5)], &figures);
        assert_eq!(verdicts.len(), 1);
        assert!((verdicts[0].ratio - 0.3).abs() < 1e-9 && verdicts[0].held);
    }

    #[test]
    fn a_sum_is_made_in_each_round() {
        let goal =
            time_over_sum("read", &[(1.5, ("trip", "floor")), (1.0, ("engine", UBIQLITE))], 1.0);
        let mut figures = Figures::default();
        for (read, trip, engine) in [(32.0, 20.0, 10.0), (64.0, 40.0, 20.0)] {
            figures.add("read", UBIQLITE, "us", read);
            figures.add("trip", "floor", "us", trip);
            figures.add("engine", UBIQLITE, "us", engine);
        }
        let verdict = &judge(&[goal], &figures)[0];
        assert!((verdict.ratio - 0.8).abs() < 1e-9 && verdict.held);
        let words = "ubiqlite `read` / (1.5 × floor `trip` + ubiqlite `engine`)";
        assert_eq!(verdict.measure, words);
    }

    #[test]
    fn one_wake_up_in_one_round_misses_the_goal_and_one_slow_opening_does_not() {
        let mut figures = Figures::default();
        for (wakes, open) in [(0.0, 90.0), (0.0, 80.0), (1.0, 200.0)] {
            figures.add("idle_wakes", UBIQLITE, "count", wakes);
            figures.add("open", UBIQLITE, "ms", open);
        }
        let goals = [at_most("idle_wakes", 0.0), usually_at_most("open", 100.0)];
        let held: Vec<bool> = judge(&goals, &figures).iter().map(|it| it.held).collect();
        assert_eq!(held, [false, true]);
    }
}
