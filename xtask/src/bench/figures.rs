//! The figures of all rounds.

/// The results of one subject in one work.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) work: String,
    pub(crate) subject: &'static str,
    pub(crate) unit: String,
    /// One value per round, in the order of the rounds.
    pub(crate) values: Vec<f64>,
}

impl Figure {
    pub(crate) fn median(&self) -> f64 {
        median(&self.values)
    }

    pub(crate) fn min(&self) -> f64 {
        self.values.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn max(&self) -> f64 {
        self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

/// All figures, in the order in which they were first seen.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<Figure>);

impl Figures {
    /// Adds a round's value.
    pub(crate) fn add(&mut self, work: &str, subject: &'static str, unit: &str, value: f64) {
        let found = self.0.iter_mut().find(|it| it.work == work && it.subject == subject);
        if let Some(figure) = found {
            figure.values.push(value);
            return;
        }
        self.0.push(Figure {
            work: work.to_owned(),
            subject,
            unit: unit.to_owned(),
            values: vec![value],
        });
    }

    pub(crate) fn get(&self, work: &str, subject: &str) -> Option<&Figure> {
        self.0.iter().find(|it| it.work == work && it.subject == subject)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Figure> {
        self.0.iter()
    }

    /// Returns the names of the works, each once.
    pub(crate) fn works(&self) -> Vec<&str> {
        let mut works: Vec<&str> = Vec::new();
        for figure in &self.0 {
            if !works.contains(&figure.work.as_str()) {
                works.push(&figure.work);
            }
        }
        works
    }
}

/// Returns the middle value or, of an even number of values, the mean of the middle two.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_not_the_mean() {
        assert_eq!(median(&[9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 100.0]), 3.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn rounds_of_one_work_and_subject_are_one_figure() {
        let mut figures = Figures::default();
        for value in [3.0, 1.0, 2.0] {
            figures.add("point_read", "raw", "us", value);
            figures.add("point_read", "sqlx", "us", value * 20.0);
        }
        let raw = figures.get("point_read", "raw").unwrap();
        assert_eq!((raw.min(), raw.median(), raw.max()), (1.0, 2.0, 3.0));
        assert_eq!(figures.works(), ["point_read"]);
    }
}
