//! A client whose tasks share the handles of one transaction.

use std::collections::HashMap;

use fastrand::Rng;

use super::ask::{Answer, Asked, Event, MANY, Refused, Statement, Trace, What};
use super::*;

/// A handle that the client knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) parent: u32,
    pub(super) kind: Kind,
    /// Its end was requested, or that of a handle it was begun from.
    pub(super) over: bool,
    /// It was dropped, or its end was cancelled: neither waits in the queue.
    pub(super) dropped: bool,
    /// The client has requested that its work be kept.
    pub(super) kept: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Session,
    Transaction,
    Savepoint,
    Stream { endless: bool },
}

pub(super) struct Client {
    pub(super) server: Option<Server>,
    pub(super) wakes: Wakes,
    pub(super) random: Rng,
    pub(super) last: u32,
    pub(super) values: i64,
    pub(super) trace: Trace,
    pub(super) indexes: HashMap<u32, usize>,
    pub(super) handles: HashMap<u32, Known>,
    /// Requests with more rows, which have no reply yet.
    pub(super) chunks: Vec<u32>,
    /// The handle that each task works with.
    pub(super) tasks: Vec<u32>,
    /// Whether the tasks work in a session and not in one transaction.
    pub(super) in_session: bool,
}

impl Client {
    pub(super) fn new(db: &Database, seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let wakes = Wakes::default();
        let server = Server::unordered(db.clone(), 1, wakes.clone());
        let tasks = vec![0; random.usize(2..5)];
        let in_session = random.u8(0..10) < 3;
        Self {
            server: Some(server),
            wakes,
            random,
            last: 0,
            values: 0,
            trace: Trace::default(),
            indexes: HashMap::new(),
            handles: HashMap::new(),
            chunks: Vec::new(),
            tasks,
            in_session,
        }
    }

    pub(super) fn is_in_session(&self) -> bool {
        self.in_session
    }

    pub(super) fn random(&mut self) -> &mut Rng {
        &mut self.random
    }

    pub(super) fn value(&mut self) -> i64 {
        self.values += 1;
        self.values
    }

    // Requests.

    pub(super) fn submit(&self, batch: &Batch) {
        if let Some(server) = &self.server {
            server.submit(&batch.0).unwrap();
        }
    }

    pub(super) fn ask(&mut self, on: u32, what: What) -> u32 {
        self.last += 1;
        let id = self.last;
        let (op, flags, payload) = self.request(&what);
        let refused = self.refusal(on, &what);
        let index = self.trace.asked.len();
        self.trace.asked.push(Asked {
            id,
            on,
            what: what.clone(),
            result: None,
            given_up: false,
            open_ended: false,
            refused,
        });
        self.trace.events.push(Event::Asked(index));
        self.indexes.insert(id, index);
        if what.ends() {
            self.end(on, false);
            if what.keeps()
                && let Some(known) = self.handles.get_mut(&on)
            {
                known.kept = true;
            }
        }
        self.submit(&Batch::default().flagged(id, op, flags, on, &payload));
        // A request whose reply has not been taken yet may be cancelled too late.
        if self.random.bool() {
            self.absorb();
        }
        id
    }

    fn request(&self, what: &What) -> (u8, u8, Vec<u8>) {
        match what {
            What::Acquire => (op::ACQUIRE, 0, Vec::new()),
            What::Begin => (op::BEGIN, 0, vec![0]),
            What::Savepoint => (op::SAVEPOINT, 0, Vec::new()),
            What::Commit => (op::COMMIT, 0, Vec::new()),
            What::Release => (op::RELEASE, 0, Vec::new()),
            What::Rollback => (op::ROLLBACK, 0, Vec::new()),
            What::Run(Statement::Read) => (op::QUERY_VALUE, 0, sql(&Statement::Read.sql())),
            What::Run(statement) => (op::EXECUTE, 0, sql(&statement.sql())),
            What::Many(values, whole) => {
                let flags = if *whole { 0 } else { 2 };
                (op::EXECUTE_MANY, flags, [text(MANY), rows(values)].concat())
            }
            What::Stream(endless) => {
                let bound = if *endless { "" } else { " WHERE i < 9" };
                let query = format!(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n{bound}) SELECT i FROM n"
                );
                (op::STREAM, 0, sql(&query))
            }
            What::Next => (op::NEXT, 0, 1u32.to_le_bytes().to_vec()),
            What::Interrupt => (op::INTERRUPT, 0, Vec::new()),
        }
    }

    /// Returns the reason for which a request must be refused, as far as the client can know.
    fn refusal(&self, on: u32, what: &What) -> Option<Refused> {
        if on == 0 || matches!(what, What::Next | What::Interrupt) {
            return None;
        }
        let known = self.handles.get(&on)?;
        if known.over {
            return Some(Refused::Over);
        }
        if matches!(what, What::Rollback) {
            return None;
        }
        let open = |(_, it): &(&u32, &Known)| {
            it.parent == on && !it.over && matches!(it.kind, Kind::Transaction | Kind::Savepoint)
        };
        self.handles.iter().find(open).map(|(id, _)| Refused::Covered(*id))
    }

    /// Marks a handle, and all that was begun from it, as over.
    pub(super) fn end(&mut self, handle: u32, dropped: bool) {
        let Some(known) = self.handles.get_mut(&handle) else { return };
        known.over = true;
        known.dropped |= dropped;
        let parts: Vec<u32> =
            self.handles.iter().filter(|(_, it)| it.parent == handle).map(|(id, _)| *id).collect();
        for part in parts {
            self.end(part, dropped);
        }
    }

    /// Returns whether the work in a handle is kept once all requests are done.
    pub(super) fn is_to_be_kept(&self, handle: u32) -> bool {
        match self.handles.get(&handle) {
            Some(known) if known.kind == Kind::Session => true,
            Some(known) => {
                known.kept
                    || (known.parent != 0 && self.is_to_be_kept(known.parent) && {
                        // A session keeps its own work at once, but not that of its transactions.
                        self.handles[&known.parent].kind != Kind::Session
                    })
            }
            None => true,
        }
    }

    /// Returns whether it is too late to cancel a request, as far as the client can know.
    pub(super) fn is_too_late(&self, index: usize) -> bool {
        let asked = &self.trace.asked[index];
        match asked.what {
            What::Commit => true,
            What::Release => self.is_to_be_kept(self.handles[&asked.on].parent),
            _ => self.is_to_be_kept(asked.on),
        }
    }

    pub(super) fn drop_handle(&mut self, handle: u32) {
        self.trace.events.push(Event::Dropped(handle));
        self.end(handle, true);
        self.forget_asked();
        self.submit(&Batch::default().add(0, op::DROP, handle, &[]));
        self.absorb();
    }

    /// Gives up the requests on dropped handles: no task waits for them.
    fn forget_asked(&mut self) {
        for index in 0..self.trace.asked.len() {
            let asked = &self.trace.asked[index];
            let gone = self.handles.get(&asked.on).is_some_and(|known| known.dropped);
            if gone && asked.result.is_none() {
                let open_ended = self.is_too_late(index);
                let asked = &mut self.trace.asked[index];
                asked.open_ended |= open_ended && !asked.given_up;
                asked.given_up = true;
            }
        }
    }

    pub(super) fn cancel(&mut self, index: usize) {
        let open_ended = self.is_too_late(index);
        let asked = &mut self.trace.asked[index];
        asked.given_up = true;
        asked.open_ended = open_ended;
        let (id, on, ends) = (asked.id, asked.on, asked.what.ends());
        if ends {
            self.trace.events.push(Event::Dropped(on));
            self.end(on, true);
            self.forget_asked();
        }
        self.submit(&Batch::default().add(0, op::CANCEL, id, &[]));
        self.absorb();
    }

    /// Withdraws a request, which still reports what became of it.
    pub(super) fn withdraw(&mut self, index: usize) {
        self.trace.withdrawn.push((index, self.trace.events.len()));
        let id = self.trace.asked[index].id;
        self.submit(&Batch::default().add(0, op::WITHDRAW, id, &[]));
        self.absorb();
    }

    // Replies.

    pub(super) fn absorb(&mut self) {
        let Some(server) = &self.server else { return };
        for reply in replies(server) {
            self.chunks.retain(|chunk| *chunk != reply.id);
            let Some(index) = self.indexes.get(&reply.id).copied() else { continue };
            let asked = &mut self.trace.asked[index];
            if asked.given_up || asked.result.is_some() {
                continue;
            }
            let result = Answer::of(&reply);
            let failed = result.kind().is_some();
            asked.result = Some(result);
            let kind = match asked.what {
                What::Acquire => Kind::Session,
                What::Begin => Kind::Transaction,
                What::Savepoint => Kind::Savepoint,
                What::Stream(endless) => Kind::Stream { endless },
                _ => continue,
            };
            if !failed {
                let parent = asked.on;
                let outer = self.handles.get(&parent).copied();
                let over = outer.is_some_and(|outer| outer.over);
                let dropped = outer.is_some_and(|outer| outer.dropped);
                let known = Known { parent, kind, over, dropped, kept: false };
                self.handles.insert(reply.id, known);
            }
        }
    }

    fn waits(&self, index: usize) -> bool {
        let asked = &self.trace.asked[index];
        asked.result.is_none() && !asked.given_up
    }

    pub(super) fn outstanding(&self) -> Vec<usize> {
        (0..self.trace.asked.len()).filter(|index| self.waits(*index)).collect()
    }

    /// Returns whether a request is open that ends only through a later action of the client.
    pub(super) fn is_blocked(&self) -> bool {
        // Its connection does nothing else until the stream is dropped, even if the end of its
        // parent was requested.
        let streams =
            |known: &Known| known.kind == Kind::Stream { endless: true } && !known.dropped;
        self.handles.values().any(streams)
            || self.outstanding().into_iter().any(|index| {
                matches!(self.trace.asked[index].what, What::Many(_, false) | What::Stream(true))
            })
    }

    pub(super) async fn settle(&mut self) -> Result<(), String> {
        loop {
            self.absorb();
            let outstanding = self.outstanding();
            let Some(first) = outstanding.first() else { return Ok(()) };
            let waiting = tokio::time::timeout(HANG / 2, self.wakes.0.notified()).await;
            if waiting.is_err() {
                let asked = &self.trace.asked[*first];
                return Err(format!("no answer to {asked:?}\n{}", self.trace.describe()));
            }
        }
    }
}

/// Encodes the rows of an `EXECUTE_MANY`.
pub(super) fn rows(values: &[i64]) -> Vec<u8> {
    let mut bytes = (values.len() as u32).to_le_bytes().to_vec();
    for value in values {
        bytes.extend_from_slice(&[1, 1, 0, 0, 0, 1]);
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes
}
