//! The numbers that a squashed migration stands for.

use crate::error::{Error, Result};

/// More single numbers than this are written by nobody.
const MOST: u64 = 10_000;

/// Numbers and ranges of numbers: `1-16, 18, 20-40`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Numbers(Vec<(u64, u64)>);

impl Numbers {
    /// Reads what follows `-- replaces:`.
    ///
    /// # Errors
    /// `InvalidArgument` for anything else than numbers and ranges.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Error::invalid(format!(
                "\"replaces: {text}\" must be numbers and ranges, as in \"replaces: 1-16, 18-40\""
            ))
        };
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
        let mut ranges = Vec::new();
        let mut count = 0u64;
        for part in text.split(',') {
            let (first, last) = match part.split_once('-') {
                Some((first, last)) => (number(first)?, number(last)?),
                None => (number(part)?, number(part)?),
            };
            if last < first {
                return Err(wrong());
            }
            count = count.saturating_add(last - first).saturating_add(1);
            ranges.push((first, last));
        }
        if count > MOST {
            return Err(Error::invalid(format!(
                "\"replaces: {text}\" stands for more than {MOST} numbers; all of them must have existed, so list those that did"
            )));
        }
        Ok(Self(ranges))
    }

    /// Whether the number is one of them.
    pub(crate) fn contains(&self, number: u64) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&number))
    }

    /// Returns them one by one.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().flat_map(|(first, last)| *first..=*last)
    }
}

impl std::fmt::Display for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            match first == last {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_numbers_are_read_and_written() {
        let numbers = Numbers::parse("1-3, 5,7-7").unwrap();
        assert_eq!(numbers.to_string(), "1-3, 5, 7");
        assert_eq!(numbers.iter().collect::<Vec<_>>(), [1, 2, 3, 5, 7]);
        assert!(numbers.contains(2) && !numbers.contains(4));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "x", "3-1", "1-", "1--2", "1,,2", "1-99999999999"] {
            assert!(Numbers::parse(text).is_err(), "{text:?}");
        }
    }
}
