//! A result as what differs from an earlier one: what travels to a client that has that.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use foldhash::fast::{FixedState, RandomState};

use crate::row::{Page, PageBuilder, Rows};
use crate::value::ValueRef;

/// A result in terms of an earlier one: the rows of these runs, in order.
#[derive(Debug, Default)]
pub(crate) struct Delta {
    pub(crate) runs: Vec<RowRun>,
    /// The rows that the earlier result does not have.
    pub(crate) fresh: Rows,
}

/// Some rows that lie next to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowRun {
    /// Where they lie in the earlier result; `None`: they are the next of the fresh ones.
    pub(crate) from: Option<usize>,
    pub(crate) count: usize,
}

/// The rows of a result by their position.
pub(super) struct Positions<'r> {
    pages: &'r [Arc<Page>],
    /// How many rows come before each page.
    before: Vec<usize>,
    rows: usize,
}

impl<'r> Positions<'r> {
    pub(super) fn of(rows: &'r Rows) -> Self {
        let pages = rows.pages();
        let mut count = 0;
        let mut before = Vec::with_capacity(pages.len());
        for page in pages {
            before.push(count);
            count += page.rows();
        }
        Self { pages, before, rows: count }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// The values of a row.
    pub(super) fn row(&self, position: usize) -> impl Iterator<Item = ValueRef<'r>> + use<'r> {
        let page = self.before.partition_point(|before| *before <= position) - 1;
        let columns = self.pages[page].columns().len();
        let start = (position - self.before[page]) * columns;
        let page: &'r Page = &self.pages[page];
        (start..start + columns).map(move |cell| page.cell(cell))
    }

    fn hash(&self, position: usize) -> u64 {
        let mut hasher = FixedState::default().build_hasher();
        for value in self.row(position) {
            match value {
                ValueRef::Null => hasher.write_u8(0),
                ValueRef::Integer(value) => hasher.write_i64(value),
                ValueRef::Real(value) => hasher.write_u64(value.to_bits()),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => hasher.write(bytes),
            }
        }
        hasher.finish()
    }

    /// How many leading rows of both lie in equal pages.
    fn leading(&self, other: &Self) -> usize {
        let equal = self
            .pages
            .iter()
            .zip(other.pages)
            .take_while(|(page, other)| Arc::ptr_eq(page, other) || page.is_same(other));
        equal.map(|(page, _)| page.rows()).sum()
    }
}

/// Whether two rows have, bit for bit, the same values.
fn same<'r>(
    mut row: impl Iterator<Item = ValueRef<'r>>,
    mut other: impl Iterator<Item = ValueRef<'r>>,
) -> bool {
    row.all(|value| other.next().is_some_and(|it| it.is_same(value))) && other.next().is_none()
}

impl Delta {
    /// Describes `now` to somebody who has `before`.
    pub(crate) fn of(before: &Rows, now: &Rows) -> Self {
        let columns = |rows: &Rows| rows.pages().first().map(|page| page.columns().clone());
        if columns(before) != columns(now) {
            return Self::whole(now);
        }
        let (old, new) = (Positions::of(before), Positions::of(now));
        let shortest = old.rows.min(new.rows);
        let mut start = old.leading(&new);
        while start < shortest && same(old.row(start), new.row(start)) {
            start += 1;
        }
        let mut end = 0;
        while end < shortest - start
            && same(old.row(old.rows - 1 - end), new.row(new.rows - 1 - end))
        {
            end += 1;
        }
        let mut delta = Maker { runs: Vec::new(), fresh: None };
        delta.kept(0, start);
        delta.middle(&old, &new, start..old.rows - end, start..new.rows - end);
        delta.kept(old.rows - end, end);
        let mut fresh = Rows::default();
        if let Some(page) = delta.fresh {
            fresh.push(page.finish());
        }
        Self { runs: delta.runs, fresh }
    }

    /// Describes `now` to somebody who has nothing.
    pub(crate) fn whole(now: &Rows) -> Self {
        let count = now.len();
        let runs = if count == 0 { Vec::new() } else { vec![RowRun { from: None, count }] };
        Self { runs, fresh: now.clone() }
    }
}

struct Maker {
    runs: Vec<RowRun>,
    fresh: Option<PageBuilder>,
}

impl Maker {
    /// Adds rows of the earlier result.
    fn kept(&mut self, from: usize, count: usize) {
        match self.runs.last_mut() {
            _ if count == 0 => {}
            Some(RowRun { from: Some(last), count: known }) if *last + *known == from => {
                *known += count;
            }
            _ => self.runs.push(RowRun { from: Some(from), count }),
        }
    }

    /// Adds a fresh row.
    fn fresh(&mut self, new: &Positions<'_>, position: usize) {
        let page = self.fresh.get_or_insert_with(|| {
            let columns = new.pages.first().map(|page| page.columns().clone());
            PageBuilder::new(Arc::new(columns.unwrap_or_default()))
        });
        for value in new.row(position) {
            // What was in one page fits into another: it is part of it.
            page.push(value);
        }
        match self.runs.last_mut() {
            Some(RowRun { from: None, count }) => *count += 1,
            _ => self.runs.push(RowRun { from: None, count: 1 }),
        }
    }

    /// Adds rows that are neither at the beginning nor at the end of both.
    fn middle(
        &mut self,
        old: &Positions<'_>,
        new: &Positions<'_>,
        was: std::ops::Range<usize>,
        is: std::ops::Range<usize>,
    ) {
        let mut places = HashMap::<u64, Vec<usize>, RandomState>::default();
        for position in was.clone().rev() {
            places.entry(old.hash(position)).or_default().push(position);
        }
        // Each row of the earlier result stands for one of the later one at most.
        let mut used = vec![false; was.len()];
        let mut next = was.start;
        for position in is {
            // Mostly the row after the last one.
            let follows = was.contains(&next)
                && !used[next - was.start]
                && same(old.row(next), new.row(position));
            let found = if follows {
                Some(next)
            } else {
                let known = places.get(&new.hash(position));
                known
                    .into_iter()
                    .flatten()
                    .rev()
                    .copied()
                    .find(|it| !used[*it - was.start] && same(old.row(*it), new.row(position)))
            };
            match found {
                Some(place) => {
                    used[place - was.start] = true;
                    self.kept(place, 1);
                    next = place + 1;
                }
                None => {
                    self.fresh(new, position);
                    next += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Columns;

    fn rows(values: &[i64]) -> Rows {
        let columns = Arc::new(Columns::new(["id", "name"]));
        let mut rows = Rows::default();
        for chunk in values.chunks(7) {
            let mut page = PageBuilder::new(Arc::clone(&columns));
            for value in chunk {
                assert!(page.push(ValueRef::Integer(*value)));
                assert!(page.push(ValueRef::Text(format!("name {value}").as_bytes())));
            }
            rows.push(page.finish());
        }
        rows
    }

    fn ids(rows: &Rows) -> Vec<i64> {
        rows.clone().into_iter().map(|row| row.get(0).unwrap()).collect()
    }

    /// What a client makes of a delta.
    fn applied(delta: &Delta, before: &[i64]) -> Vec<i64> {
        let mut fresh = ids(&delta.fresh).into_iter();
        let mut now = Vec::new();
        for run in &delta.runs {
            match run.from {
                Some(from) => now.extend_from_slice(&before[from..from + run.count]),
                None => now.extend(fresh.by_ref().take(run.count)),
            }
        }
        assert_eq!(fresh.next(), None, "all fresh rows are used");
        now
    }

    #[test]
    fn a_client_that_has_the_earlier_result_gets_the_later_one() {
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..2_000 {
            let before: Vec<i64> = (0..random.usize(0..40)).map(|_| random.i64(0..30)).collect();
            let mut now = before.clone();
            for _ in 0..random.usize(0..6) {
                let place = random.usize(0..=now.len());
                match random.u32(0..4) {
                    0 => now.insert(place, random.i64(0..60)),
                    1 if place < now.len() => drop(now.remove(place)),
                    2 if place < now.len() => now[place] = random.i64(0..60),
                    _ => random.shuffle(&mut now),
                }
            }
            let delta = Delta::of(&rows(&before), &rows(&now));
            assert_eq!(applied(&delta, &before), now, "{before:?}");
            let diff = super::super::Diff::of(&delta, &rows(&before), &rows(&now), &[]);
            let grown = diff.added.len() as i64 - diff.removed.len() as i64;
            assert_eq!(grown, now.len() as i64 - before.len() as i64, "{before:?}, {now:?}");
        }
    }

    #[test]
    fn one_changed_row_of_many_is_one_row() {
        let before: Vec<i64> = (0..10_000).collect();
        let mut now = before.clone();
        now[4_321] = -1;
        let delta = Delta::of(&rows(&before), &rows(&now));
        assert_eq!(ids(&delta.fresh), [-1]);
        assert_eq!(delta.runs.len(), 3);
        let gone: Vec<i64> = before.iter().copied().filter(|it| *it != 77).collect();
        let delta = Delta::of(&rows(&before), &rows(&gone));
        assert_eq!((delta.fresh.len(), delta.runs.len()), (0, 2));
    }
}
