//! The pages of a database that a query read, and those that commits wrote.
//!
//! A query is a function of the pages that it reads: while none of them is written, its result
//! stays the same. Page 1 is left out of both sets. It changes whenever the file grows; what else
//! is on it is the schema, of which the commit tells by itself.

use super::LogFrames;

/// More pages than these are kept as bits.
const MOST_LISTED: usize = 1024;

/// The pages that a query read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageSet(Form);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// In ascending order.
    List(Box<[u32]>),
    /// A bit for each page from 0 on.
    Bits(Box<[u64]>),
}

impl PageSet {
    /// Makes a set of pages in any order.
    pub(crate) fn of(pages: Vec<u32>) -> Self {
        let pages = ascending(pages);
        let Some(last) = pages.last().filter(|_| pages.len() > MOST_LISTED) else {
            return Self(Form::List(pages.into()));
        };
        let mut bits = vec![0_u64; *last as usize / 64 + 1];
        for page in pages {
            bits[page as usize / 64] |= 1 << (page % 64);
        }
        Self(Form::Bits(bits.into()))
    }

    /// Whether any of these pages, in ascending order, is in the set.
    pub(crate) fn contains_any(&self, written: &[u32]) -> bool {
        match &self.0 {
            Form::List(read) if read.len() < written.len() => {
                read.iter().any(|page| written.binary_search(page).is_ok())
            }
            Form::List(read) => written.iter().any(|page| read.binary_search(page).is_ok()),
            Form::Bits(bits) => written.iter().any(|page| {
                bits.get(*page as usize / 64).is_some_and(|bits| bits & (1 << (page % 64)) != 0)
            }),
        }
    }
}

/// The pages that commits wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenPages {
    /// The frames of the log that hold them.
    pub(crate) frames: LogFrames,
    /// All but page 1, in ascending order.
    pub(crate) pages: Vec<u32>,
    /// Page 1 as well.
    pub(crate) first: bool,
}

impl WrittenPages {
    /// Takes pages in any order.
    pub(crate) fn of(frames: LogFrames, pages: Vec<u32>) -> Self {
        let mut pages = ascending(pages);
        let first = pages.first() == Some(&1);
        if first {
            pages.remove(0);
        }
        Self { frames, pages, first }
    }
}

fn ascending(mut pages: Vec<u32>) -> Vec<u32> {
    pages.sort_unstable();
    pages.dedup();
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_the_pages_that_were_read_and_no_others_in_either_form() {
        for count in [0, 1, 5, 1024, 1025, 5000] {
            let read = |page: u32| page % 3 == 2 && page / 3 < count;
            let set = PageSet::of((0..count).rev().chain(0..count).map(|it| it * 3 + 2).collect());
            assert_eq!(matches!(set.0, Form::Bits(_)), count > 1024);
            for page in (0..20_000).step_by(7) {
                assert_eq!(set.contains_any(&[page]), read(page), "{page} of {count}");
            }
            let written: Vec<_> = (0..count * 3).filter(|page| page % 3 != 2).collect();
            assert!(!set.contains_any(&written));
            assert!(!set.contains_any(&[]));
            assert_eq!(set.contains_any(&[0, 2, u32::MAX]), count > 0);
        }
    }

    #[test]
    fn page_one_is_told_apart() {
        let frames = LogFrames { log: 1, frames: 0..4 };
        let written = WrittenPages::of(frames.clone(), vec![7, 1, 3, 7]);
        assert_eq!((written.pages, written.first), (vec![3, 7], true));
        assert!(!WrittenPages::of(frames, vec![2]).first);
    }
}
