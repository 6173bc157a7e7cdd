//! Which queries a commit may concern.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::queries::{Queries, Query, QueryId};
use crate::changes::{
    ColumnSet, Commit, Followed, Interest, RowChange, RowChangeKind, RowFilter, TableChange,
    TableInterest, Term, TermTest,
};
use crate::value::Value;

/// Finds the queries that a commit may concern.
#[derive(Debug, Default)]
pub(super) struct Index {
    interest: Arc<Interest>,
    tables: Vec<TableIndex>,
    /// The queries that any change may concern.
    anything: Vec<QueryId>,
}

/// The queries that read one table.
#[derive(Debug, Default)]
struct TableIndex {
    /// Those that any row may concern.
    plain: Vec<(QueryId, ColumnSet)>,
    filtered: Vec<Filtered>,
    /// Those among `filtered` that have a condition of equality, by one such condition's column.
    keyed: Vec<Keyed>,
    /// The others among `filtered`.
    rest: Vec<usize>,
}

/// A query that only some rows concern.
#[derive(Debug)]
struct Filtered {
    query: QueryId,
    columns: ColumnSet,
    /// The conditions, and where among the values that are recorded of each row that of each one is.
    filter: Arc<RowFilter>,
    values: SmallVec<[Option<usize>; 1]>,
}

/// Positions of queries, of which mostly one has a value.
type Few = SmallVec<[usize; 1]>;

/// Queries by the value that a column must have.
#[derive(Debug, Default)]
struct Keyed {
    /// The position among the values that are recorded of each row.
    value: usize,
    integers: HashMap<i64, Few, RandomState>,
    texts: HashMap<Box<str>, Few, RandomState>,
    /// All of them.
    all: Vec<usize>,
    /// Those with an integer, and those with a text: a value of another type may equal it.
    with_integer: Vec<usize>,
    with_text: Vec<usize>,
}

impl Index {
    /// Makes the index of all queries, for commits that are recorded for them and for who follows
    /// the rows of tables.
    /// The interest stays the one from `before` if it is the same, so that connections need not
    /// learn it again.
    pub(super) fn of(queries: &Queries, followed: Followed, before: &Arc<Interest>) -> Self {
        let mut queries: Vec<_> = queries.iter().collect();
        queries.sort_unstable_by_key(|(id, _)| *id);
        let mut interests = BTreeMap::<&str, TableInterest>::new();
        let mut anything = Vec::new();
        for &(id, query) in &queries {
            let Some(reads) = &query.reads else {
                anything.push(id);
                continue;
            };
            if reads.anything {
                anything.push(id);
                continue;
            }
            for read in &reads.tables {
                let interest = interests.entry(&read.name).or_default();
                interest.every_column |= read.columns.is_none();
                for column in read.columns.iter().flatten() {
                    if !interest.columns.contains(column) {
                        interest.columns.push(column.clone());
                    }
                }
                for term in query.filter_of(&read.name).iter().flat_map(|filter| &filter.terms) {
                    let position = interest.columns.iter().position(|it| *it == term.column);
                    let position = position.unwrap_or_else(|| {
                        interest.columns.push(term.column.clone());
                        interest.columns.len() - 1
                    });
                    if !interest.values.contains(&position) {
                        interest.values.push(position);
                    }
                }
            }
        }
        let named = |(name, interest): (&str, TableInterest)| TableInterest {
            name: name.into(),
            ..interest
        };
        let tables: Vec<_> = interests.into_iter().map(named).collect();
        let mut interest = Interest::new(tables, !anything.is_empty());
        interest.followed = followed;
        let interest = if interest == **before { Arc::clone(before) } else { Arc::new(interest) };
        let mut index = Self { tables: Vec::new(), interest, anything };
        index.tables.resize_with(index.interest.tables().len(), TableIndex::default);
        for (id, query) in queries {
            index.add(id, query);
        }
        index.tables.iter_mut().for_each(TableIndex::shrink);
        index
    }

    fn add(&mut self, id: QueryId, query: &Query) {
        let Some(reads) = query.reads.as_ref().filter(|reads| !reads.anything) else { return };
        for read in &reads.tables {
            let Some(position) = self.interest.position(&read.name) else { continue };
            let interest = &self.interest.tables()[position];
            let mut columns = ColumnSet::default();
            match &read.columns {
                None => columns = ColumnSet::ALL,
                Some(read) => {
                    for column in read {
                        let position = interest.columns.iter().position(|it| it == column);
                        columns.add(position.map_or(ColumnSet::ALL, ColumnSet::one));
                    }
                }
            }
            let table = &mut self.tables[position];
            let value = |term: &Term| {
                let column = interest.columns.iter().position(|it| *it == term.column)?;
                interest.values.iter().position(|it| *it == column)
            };
            let filtered = query.filter_of(&read.name).map(|filter| Filtered {
                query: id,
                columns,
                filter: Arc::clone(filter),
                values: filter.terms.iter().map(value).collect(),
            });
            match filtered.filter(|it| it.terms().next().is_some()) {
                None => table.plain.push((id, columns)),
                Some(filtered) => table.add_filtered(filtered),
            }
        }
    }

    /// What is to be recorded of commits.
    pub(super) fn interest(&self) -> &Arc<Interest> {
        &self.interest
    }

    /// Calls `found` with each query that a commit may concern, perhaps several times. Returns
    /// false if all of them are to be taken as concerned.
    pub(super) fn affected(&self, commit: &Commit, mut found: impl FnMut(QueryId)) -> bool {
        if commit.everything || commit.schema || !commit.interest.stands_for(&self.interest) {
            return false;
        }
        // Whatever changed, it changed something.
        for &query in &self.anything {
            found(query);
        }
        for change in &commit.tables {
            // No query reads the other tables.
            if let Some(table) = self.tables.get(change.table) {
                table.affected(change, &mut found);
            }
        }
        true
    }
}

impl TableIndex {
    /// Gives back the room for more queries: another index is made for them.
    fn shrink(&mut self) {
        self.plain.shrink_to_fit();
        self.filtered.shrink_to_fit();
        for keyed in &mut self.keyed {
            keyed.all.shrink_to_fit();
            keyed.with_integer.shrink_to_fit();
            keyed.with_text.shrink_to_fit();
        }
    }

    fn add_filtered(&mut self, filtered: Filtered) {
        let position = self.filtered.len();
        let equality = filtered.terms().find_map(|(value, test)| match test {
            TermTest::In(wanted) => {
                let plain = |it: &Value| matches!(it, Value::Integer(_) | Value::Text(_));
                wanted.iter().all(plain).then_some((value, wanted))
            }
            _ => None,
        });
        match equality {
            None => self.rest.push(position),
            Some((value, wanted)) => {
                let known = self.keyed.iter().position(|keyed| keyed.value == value);
                let keyed = known.unwrap_or_else(|| {
                    self.keyed.push(Keyed { value, ..Keyed::default() });
                    self.keyed.len() - 1
                });
                self.keyed[keyed].add(position, wanted);
            }
        }
        self.filtered.push(filtered);
    }

    fn affected(&self, change: &TableChange, found: &mut impl FnMut(QueryId)) {
        for (query, columns) in &self.plain {
            // With no column read at all, only which rows there are matters.
            if change.whole || change.columns == ColumnSet::ALL || touches(*columns, change.columns)
            {
                found(*query);
            }
        }
        if change.whole {
            for filtered in &self.filtered {
                found(filtered.query);
            }
            return;
        }
        for row in &change.rows {
            for &position in &self.rest {
                self.filtered[position].check(row, found);
            }
            for keyed in &self.keyed {
                for values in [&row.old, &row.new] {
                    keyed.candidates(values.get(keyed.value), |position| {
                        self.filtered[position].check(row, found);
                    });
                }
            }
        }
    }
}

fn touches(read: ColumnSet, changed: ColumnSet) -> bool {
    !read.is_disjoint(changed)
}

impl Filtered {
    /// The conditions on values that are recorded of each row, with the value's position.
    fn terms(&self) -> impl Iterator<Item = (usize, &TermTest)> {
        let terms = self.filter.terms.iter().zip(&self.values);
        terms.filter_map(|(term, value)| Some(((*value)?, &term.test)))
    }

    fn check(&self, row: &RowChange, found: &mut impl FnMut(QueryId)) {
        let passes = |values: &[Value]| {
            self.terms().all(|(at, test)| values.get(at).is_none_or(|it| test.may_pass(it)))
        };
        let before = row.kind != RowChangeKind::Insert && passes(&row.old);
        let after = row.kind != RowChangeKind::Delete && passes(&row.new);
        // A row that stays among those of the query matters only by the columns that it reads.
        let stays = before && after && row.columns != ColumnSet::ALL;
        if (before || after) && (!stays || touches(self.columns, row.columns)) {
            found(self.query);
        }
    }
}

impl Keyed {
    fn add(&mut self, position: usize, wanted: &[Value]) {
        self.all.push(position);
        for value in wanted {
            match value {
                Value::Integer(value) => {
                    self.integers.entry(*value).or_default().push(position);
                    self.with_integer.push(position);
                }
                Value::Text(text) => {
                    self.texts.entry(folded(text)).or_default().push(position);
                    self.with_text.push(position);
                }
                _ => {}
            }
        }
    }

    /// Calls `check` with the queries that a row with this value may concern.
    fn candidates(&self, value: Option<&Value>, mut check: impl FnMut(usize)) {
        let (equal, others): (Option<&Few>, _) = match value {
            None | Some(Value::Null) => return,
            Some(Value::Integer(value)) => (self.integers.get(value), &self.with_text),
            Some(Value::Text(text)) => (self.texts.get(&folded(text)), &self.with_integer),
            Some(_) => (None, &self.all),
        };
        for &position in equal.into_iter().flatten().chain(others) {
            check(position);
        }
    }
}

/// Equal for all texts that a built-in collation may find equal.
fn folded(text: &str) -> Box<str> {
    text.trim_end_matches(' ').to_ascii_lowercase().into()
}

impl Query {
    /// What is known of the rows of a table that matter to it.
    fn filter_of(&self, table: &str) -> Option<&Arc<RowFilter>> {
        let by_reads = self.reads.iter().flat_map(|reads| &reads.filters);
        let mut filters = self.filter.iter().chain(by_reads);
        filters.find(|filter| filter.table.eq_ignore_ascii_case(table))
    }
}
