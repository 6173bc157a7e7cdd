//! The pages that commits have written, for as long as a query may have read them before.
//!
//! A commit that does not concern a query by its tables, columns and rows can move the rows that it
//! has read to other pages, so the pages of a query are compared with those of all commits since it
//! ran, and not only of those that concern it.

use std::collections::VecDeque;

use crate::changes::{LogFrames, PageSet, WrittenPages};

/// How many commits are kept, and how many pages in all.
const MOST_COMMITS: usize = 1024;
const MOST_PAGES: usize = 16_384;

/// The pages that the last commits have written.
#[derive(Debug, Default)]
pub(super) struct Written {
    commits: VecDeque<Vec<u32>>,
    /// The number of pages in `commits`.
    pages: usize,
    /// The number of commits before those.
    forgotten: u64,
    /// The frames of the last one.
    last: Option<LogFrames>,
}

impl Written {
    /// Adds a commit; `None`: it is not known what it has written.
    pub(super) fn add(&mut self, written: Option<&WrittenPages>) {
        let Some(WrittenPages { frames, pages, .. }) = written else {
            self.last = None;
            return self.forget();
        };
        let same = self.last.as_ref().filter(|last| last.log == frames.log);
        let end = same.map(|last| last.frames.end);
        if end.is_none_or(|end| end < frames.frames.end) {
            self.last = Some(frames.clone());
        }
        // Otherwise another commit came before, and its report is still on its way, or this is it.
        if end != Some(frames.frames.start) || pages.len() > MOST_PAGES {
            return self.forget();
        }
        self.pages += pages.len();
        self.commits.push_back(pages.clone());
        while self.commits.len() > MOST_COMMITS || self.pages > MOST_PAGES {
            let Some(first) = self.commits.pop_front() else { return };
            self.pages -= first.len();
            self.forgotten += 1;
        }
    }

    /// Forgets all commits, and one that may have written anything.
    fn forget(&mut self) {
        self.forgotten = self.count() + 1;
        self.commits.clear();
        self.pages = 0;
    }

    /// Returns how many commits there have been.
    pub(super) fn count(&self) -> u64 {
        self.forgotten + self.commits.len() as u64
    }

    /// Whether commits from this count on may have written one of these pages.
    pub(super) fn may_have(&self, pages: &PageSet, from: u64) -> bool {
        let Some(first) = from.checked_sub(self.forgotten) else { return true };
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        self.commits.iter().skip(first).any(|written| pages.contains_any(written))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds commits that follow one another.
    fn add(written: &mut Written, pages: &[u32]) {
        let start = written.last.as_ref().map_or(0, |last| last.frames.end);
        let frames = LogFrames { log: 1, frames: start..start + 1 };
        written.add(Some(&WrittenPages::of(frames, pages.to_vec())));
    }

    #[test]
    fn what_is_not_kept_any_more_may_have_written_anything() {
        let mut written = Written::default();
        let read = PageSet::of(vec![5]);
        add(&mut written, &[6]);
        let first = written.count();
        assert!(!written.may_have(&read, first));
        add(&mut written, &[5]);
        assert!(written.may_have(&read, first));
        assert!(!written.may_have(&read, first + 1));
        for _ in 0..MOST_COMMITS {
            add(&mut written, &[6]);
        }
        assert!(written.may_have(&read, first), "it is forgotten");
        assert!(!written.may_have(&read, first + 1));
        written.add(None);
        assert!(written.may_have(&read, first + 1), "it is not known");
        let many: Vec<u32> = (10..11 + MOST_PAGES as u32).collect();
        for pages in [&many[1..], &many] {
            add(&mut written, &[6]);
            let count = written.count();
            add(&mut written, pages);
            assert_eq!(written.may_have(&read, count), pages.len() > MOST_PAGES);
        }
    }

    #[test]
    fn a_commit_that_does_not_follow_the_one_before_shows_that_one_is_missing() {
        let mut written = Written::default();
        let read = PageSet::of(vec![5]);
        for (log, frames, missing) in [
            (1, 0..3, true),
            (1, 3..4, false),
            (1, 5..6, true),
            (1, 4..5, true),
            (1, 6..8, false),
            (2, 8..9, true),
        ] {
            let before = written.count();
            let frames = LogFrames { log, frames };
            written.add(Some(&WrittenPages::of(frames.clone(), vec![6])));
            // What a query has read before this commit.
            assert_eq!(written.may_have(&read, before), missing, "{frames:?}");
        }
    }
}
