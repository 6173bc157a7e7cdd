//! The watched queries, each once.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use smallvec::{SmallVec, smallvec};

use super::hub::WatchId;
use super::written::Written;
use crate::changes::{PageSet, Reads, RowFilter};
use crate::error::Error;
use crate::program::{Fetch, Step};
use crate::row::{Rows, fingerprint};
use crate::sql::Params;
use crate::value::Value;

/// A query to be watched.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) sql: Box<str>,
    pub(crate) params: Params,
    /// Which rows can matter to it, where that is known.
    pub(crate) filter: Option<RowFilter>,
}

/// Identifies a query of a hub.
pub(super) type QueryId = u64;

/// One watched query, and what it returned last.
#[derive(Debug)]
pub(super) struct Query {
    key: Arc<QueryKey>,
    pub(super) filter: Option<Arc<RowFilter>>,
    /// What it depends on; `None` until it has run, and after a change of the schema.
    pub(super) reads: Option<Reads>,
    /// The pages that it read when it ran last: while they stay the same, so does the result.
    /// `None`: not known, or it runs now.
    pub(super) pages: Option<PageSet>,
    /// The commits from this count on are to be compared with `pages`.
    pub(super) pages_from: u64,
    pub(super) result: Option<Arc<Rows>>,
    /// Larger whenever `result` is another.
    pub(super) version: u64,
    /// The number of the round in which it ran last.
    pub(super) round: u64,
    /// Every commit up to this moment is in `result`.
    pub(super) moment: u64,
    /// A commit may have changed what it returns.
    pub(super) dirty: bool,
    /// It runs now: its result is of before.
    pub(super) runs: bool,
    /// It runs by itself, since a round with others failed.
    pub(super) alone: bool,
    pub(super) failed: Option<Error>,
    pub(super) watchers: SmallVec<[WatchId; 1]>,
    /// It does not run again before this time, so that live queries leave a reader half of its time.
    pub(super) rests_until: Duration,
}

/// What makes two queries the same. Whatever is watched is kept for long, in no more room than it
/// needs.
#[derive(Debug)]
struct QueryKey {
    sql: Box<str>,
    /// The names of the parameters, and their values.
    names: Box<[Box<str>]>,
    values: Box<[Value]>,
}

impl QueryKey {
    /// Bytes that are equal for the same values.
    fn fingerprint(&self) -> Vec<u8> {
        fingerprint(self.values.iter().map(Value::as_ref))
    }

    fn params(&self) -> Params {
        let mut params = Params::new();
        params.names = self.names.iter().map(|name| String::from(&**name)).collect();
        params.values = self.values.iter().cloned().collect();
        params
    }
}

impl PartialEq for QueryKey {
    fn eq(&self, other: &Self) -> bool {
        // Not as values compare: 0.0 is not -0.0.
        self.sql == other.sql
            && self.names == other.names
            && self.values.len() == other.values.len()
            && self.values.iter().zip(&other.values).all(|(a, b)| a.as_ref().is_same(b.as_ref()))
    }
}

impl Eq for QueryKey {}

impl Hash for QueryKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sql.hash(state);
        self.names.hash(state);
        state.write(&self.fingerprint());
    }
}

/// The watched queries, each once.
#[derive(Debug, Default)]
pub(super) struct Queries {
    /// Each in a box: a map has up to twice the room that it needs.
    queries: HashMap<QueryId, Box<Query>, RandomState>,
    by_key: HashMap<Arc<QueryKey>, QueryId, RandomState>,
    next: QueryId,
}

impl Queries {
    /// Adds a watcher of a query.
    pub(super) fn add(&mut self, watched: Watched, watcher: WatchId) -> QueryId {
        let Watched { sql, params, filter } = watched;
        let Params { values, names, .. } = params;
        let names = names.into_iter().map(String::into_boxed_str).collect();
        let values = values.into_iter().collect();
        let key = Arc::new(QueryKey { sql, names, values });
        // One that has failed is left to those that have not been told yet.
        if let Some(id) = self.by_key.get(&key)
            && let Some(query) = self.queries.get_mut(id).filter(|query| query.failed.is_none())
        {
            query.watchers.push(watcher);
            return *id;
        }
        self.next += 1;
        let query = Query {
            key: Arc::clone(&key),
            filter: filter.map(Arc::new),
            reads: None,
            pages: None,
            pages_from: 0,
            result: None,
            version: 0,
            round: 0,
            moment: 0,
            dirty: true,
            runs: false,
            alone: false,
            failed: None,
            watchers: smallvec![watcher],
            rests_until: Duration::ZERO,
        };
        self.by_key.insert(key, self.next);
        self.queries.insert(self.next, Box::new(query));
        self.next
    }

    /// Removes a watcher. Returns whether a query was the last one's, and is gone.
    pub(super) fn remove(&mut self, id: QueryId, watcher: WatchId) -> bool {
        let Some(query) = self.queries.get_mut(&id) else { return false };
        query.watchers.retain(|it| *it != watcher);
        if !query.watchers.is_empty() {
            return false;
        }
        if let Some(query) = self.queries.remove(&id)
            && self.by_key.get(&query.key) == Some(&id)
        {
            self.by_key.remove(&query.key);
        }
        true
    }

    pub(super) fn get(&self, id: QueryId) -> Option<&Query> {
        self.queries.get(&id).map(|query| &**query)
    }

    pub(super) fn get_mut(&mut self, id: QueryId) -> Option<&mut Query> {
        self.queries.get_mut(&id).map(|query| &mut **query)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (QueryId, &Query)> {
        self.queries.iter().map(|(id, query)| (*id, &**query))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Query> {
        self.queries.values_mut().map(|query| &mut **query)
    }
}

impl Query {
    /// Whether no commit is known that its result may be without.
    pub(super) fn is_current(&self) -> bool {
        !self.dirty && !self.runs
    }

    /// Whether what commits have written may have changed what it returns.
    pub(super) fn may_read(&mut self, written: &Written) -> bool {
        let may = match &self.pages {
            None => true,
            Some(pages) => written.may_have(pages, self.pages_from),
        };
        if !may {
            self.pages_from = written.count();
        }
        may
    }

    /// The statement that runs it, and, if that is not known, finds out what it depends on.
    pub(super) fn step(&self) -> Step<'static> {
        let fetch = match &self.reads {
            None => Fetch::Watched,
            Some(reads) if reads.are_in_pages() => Fetch::Paged,
            Some(_) => Fetch::All,
        };
        let mut step = Step::new(self.key.sql.to_string(), self.key.params(), fetch);
        if let Some(reads) = self.reads.as_ref().filter(|it| !it.beside.is_empty()) {
            step.extra.get_or_insert_default().beside.clone_from(&reads.beside);
        }
        step
    }
}
