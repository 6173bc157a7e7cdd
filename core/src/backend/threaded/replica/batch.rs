//! The pages of some transactions, as one file will have them.

use std::collections::BTreeMap;
use std::io;
use std::time::Instant;

use crate::replicate::{PageSource, lock_page};

/// What a page takes in memory beside its content.
const OVERHEAD: u64 = 64;

/// The pages that some transactions in a row have written, each as the last of them has left it.
#[derive(Debug)]
pub(super) struct Batch {
    /// The number of the last of them.
    pub(super) last: u64,
    /// The pages that the database has after them.
    pub(super) pages: u32,
    /// When the last of them was read, in milliseconds since 1970.
    pub(super) time: u64,
    pub(super) begun: Instant,
    data: BTreeMap<u32, Box<[u8]>>,
    bytes: u64,
}

impl Batch {
    /// Begins the batch of the transaction that is numbered so.
    pub(super) fn new(number: u64) -> Self {
        Self {
            last: number,
            pages: 0,
            time: 0,
            begun: Instant::now(),
            data: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// Returns about how much memory it takes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn put(&mut self, page: u32, data: Box<[u8]>) {
        let added = data.len() as u64 + OVERHEAD;
        if self.data.insert(page, data).is_none() {
            self.bytes += added;
        }
    }

    /// Takes in the transactions that follow.
    pub(super) fn merge(&mut self, next: Self) {
        (self.last, self.pages, self.time) = (next.last, next.pages, next.time);
        for (page, data) in next.data {
            self.put(page, data);
        }
        // What is beyond the end has been deleted since.
        if let Some(end) = self.pages.checked_add(1) {
            for gone in self.data.split_off(&end).into_values() {
                self.bytes -= gone.len() as u64 + OVERHEAD;
            }
        }
    }

    /// Returns the pages to be stored, for a database that had `before` pages.
    pub(super) fn source(&self, before: u32, page_size: u32) -> BatchPages<'_> {
        BatchPages { batch: self, next: 1, before, locks: lock_page(page_size) }
    }
}

/// The pages of a batch in order. A page that the database did not have, and that nobody has
/// written, is zeros in the database as well.
pub(super) struct BatchPages<'a> {
    batch: &'a Batch,
    next: u32,
    before: u32,
    locks: u32,
}

impl PageSource for BatchPages<'_> {
    fn next(&mut self, data: &mut [u8]) -> io::Result<Option<u32>> {
        loop {
            let written = self.batch.data.range(self.next..).next();
            let unwritten = self.next.max(self.before.saturating_add(1));
            let page = written.map_or(unwritten, |(page, _)| unwritten.min(*page));
            if page > self.batch.pages {
                return Ok(None);
            }
            self.next = page.saturating_add(1);
            if page == self.locks {
                continue;
            }
            match written {
                Some((number, content)) if *number == page && content.len() == data.len() => {
                    data.copy_from_slice(content);
                }
                _ => data.fill(0),
            }
            return Ok(Some(page));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn batch(number: u64, pages: u32, content: &[(u32, u8)]) -> Batch {
        let mut batch = Batch::new(number);
        batch.pages = pages;
        for (page, byte) in content {
            batch.put(*page, vec![*byte; 512].into());
        }
        batch
    }

    fn content(batch: &Batch, before: u32) -> Vec<(u32, u8)> {
        let (mut source, mut data) = (batch.source(before, 512), [9; 512]);
        let mut all = Vec::new();
        while let Some(page) = source.next(&mut data).unwrap() {
            all.push((page, data[0]));
        }
        all
    }

    #[test]
    fn of_transactions_that_are_merged_the_newest_page_counts_and_none_beyond_the_end() {
        let mut merged = batch(4, 6, &[(1, 1), (3, 1), (5, 1), (6, 1)]);
        merged.merge(batch(5, 4, &[(1, 2), (4, 2)]));
        assert_eq!((merged.last, merged.pages), (5, 4));
        assert_eq!(content(&merged, 4), [(1, 2), (3, 1), (4, 2)]);
        assert_eq!(merged.bytes(), 3 * (512 + OVERHEAD));
    }

    #[test]
    fn a_page_that_nobody_has_written_when_the_database_grew_is_zeros() {
        let grown = batch(4, 7, &[(2, 1), (5, 1)]);
        assert_eq!(content(&grown, 3), [(2, 1), (4, 0), (5, 1), (6, 0), (7, 0)]);
    }
}
