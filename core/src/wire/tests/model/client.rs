//! A client whose tasks share the handles of one transaction.

use std::collections::HashMap;

use fastrand::Rng;

use super::ask::{Answer, Asked, Event, MANY, Refused, Statement, Trace, What};
use super::*;

/// A handle that the client knows.
#[derive(Debug, Clone, Copy)]
struct Known {
    parent: u32,
    kind: Kind,
    /// Its end was asked for, or that of a handle it was begun from.
    over: bool,
    /// It was let go of, or its end was given up: that does not stand in line.
    dropped: bool,
    /// It is to be kept, as far as the client has asked.
    kept: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Session,
    Transaction,
    Savepoint,
    Stream { endless: bool },
}

pub(super) struct Client {
    server: Option<Server>,
    wakes: Wakes,
    random: Rng,
    last: u32,
    values: i64,
    trace: Trace,
    places: HashMap<u32, usize>,
    handles: HashMap<u32, Known>,
    /// The handle that each task is busy with.
    tasks: Vec<u32>,
    /// Work on a session of the database's own, not on one transaction.
    in_session: bool,
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
            places: HashMap::new(),
            handles: HashMap::new(),
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

    fn value(&mut self) -> i64 {
        self.values += 1;
        self.values
    }

    // Asking.

    fn submit(&self, batch: &Batch) {
        if let Some(server) = &self.server {
            server.submit(&batch.0).unwrap();
        }
    }

    fn ask(&mut self, on: u32, what: What) -> u32 {
        self.last += 1;
        let id = self.last;
        let (op, flags, payload) = self.request(&what);
        let refused = self.refusal(on, &what);
        let place = self.trace.asked.len();
        self.trace.asked.push(Asked {
            id,
            on,
            what: what.clone(),
            answer: None,
            given_up: false,
            open_ended: false,
            refused,
        });
        self.trace.events.push(Event::Asked(place));
        self.places.insert(id, place);
        if what.ends() {
            self.end(on, false);
            if what.keeps()
                && let Some(known) = self.handles.get_mut(&on)
            {
                known.kept = true;
            }
        }
        self.submit(&Batch::default().flagged(id, op, flags, on, &payload));
        // What was answered and not taken is given up late.
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

    /// What a request must be refused for, as far as the client can know.
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

    /// Says that a handle is over, and all that was begun from it.
    fn end(&mut self, handle: u32, dropped: bool) {
        let Some(known) = self.handles.get_mut(&handle) else { return };
        known.over = true;
        known.dropped |= dropped;
        let parts: Vec<u32> =
            self.handles.iter().filter(|(_, it)| it.parent == handle).map(|(id, _)| *id).collect();
        for part in parts {
            self.end(part, dropped);
        }
    }

    /// Whether what was done in a handle is kept, if what was asked is done.
    fn is_to_be_kept(&self, handle: u32) -> bool {
        match self.handles.get(&handle) {
            Some(known) if known.kind == Kind::Session => true,
            Some(known) => {
                known.kept
                    || (known.parent != 0 && self.is_to_be_kept(known.parent) && {
                        // Of a session all is kept at once, but not what is in its transactions.
                        self.handles[&known.parent].kind != Kind::Session
                    })
            }
            None => true,
        }
    }

    /// Whether a request was too late to be given up, as far as the client can know.
    fn is_too_late(&self, place: usize) -> bool {
        let asked = &self.trace.asked[place];
        match asked.what {
            What::Commit => true,
            What::Release => self.is_to_be_kept(self.handles[&asked.on].parent),
            _ => self.is_to_be_kept(asked.on),
        }
    }

    fn drop_handle(&mut self, handle: u32) {
        self.trace.events.push(Event::Dropped(handle));
        self.end(handle, true);
        self.forget_asked();
        self.submit(&Batch::default().add(0, op::DROP, handle, &[]));
        self.absorb();
    }

    /// Nobody waits for what was asked of a handle that was let go of.
    fn forget_asked(&mut self) {
        for place in 0..self.trace.asked.len() {
            let asked = &self.trace.asked[place];
            let gone = self.handles.get(&asked.on).is_some_and(|known| known.dropped);
            if gone && asked.answer.is_none() {
                let open_ended = self.is_too_late(place);
                let asked = &mut self.trace.asked[place];
                asked.open_ended |= open_ended && !asked.given_up;
                asked.given_up = true;
            }
        }
    }

    fn cancel(&mut self, place: usize) {
        let open_ended = self.is_too_late(place);
        let asked = &mut self.trace.asked[place];
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

    // Answers.

    fn absorb(&mut self) {
        let Some(server) = &self.server else { return };
        for reply in replies(server) {
            let Some(place) = self.places.get(&reply.id).copied() else { continue };
            let asked = &mut self.trace.asked[place];
            if asked.given_up || asked.answer.is_some() {
                continue;
            }
            let answer = Answer::of(&reply);
            let failed = answer.kind().is_some();
            asked.answer = Some(answer);
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

    fn waits(&self, place: usize) -> bool {
        let asked = &self.trace.asked[place];
        asked.answer.is_none() && !asked.given_up
    }

    fn outstanding(&self) -> Vec<usize> {
        (0..self.trace.asked.len()).filter(|place| self.waits(*place)).collect()
    }

    /// Whether something is asked that ends only by what the client does next.
    fn is_blocked(&self) -> bool {
        // Its connection does nothing else until it is dropped, be its end asked for or not.
        let streams =
            |known: &Known| known.kind == Kind::Stream { endless: true } && !known.dropped;
        self.handles.values().any(streams)
            || self.outstanding().into_iter().any(|place| {
                matches!(self.trace.asked[place].what, What::Many(_, false) | What::Stream(true))
            })
    }

    async fn settle(&mut self) -> Result<(), String> {
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

    // What happens.

    /// One step of one of the tasks.
    pub(super) async fn step(&mut self) -> Result<(), String> {
        let task = self.random.usize(0..self.tasks.len());
        let Some(focus) = self.focus(task) else { return self.begin().await };
        let kind = self.handles[&focus].kind;
        match self.random.u32(0..100) {
            0..34 => {
                let statement = self.statement();
                self.ask(focus, What::Run(statement));
            }
            34..39 => self.many(focus),
            39..43 => {
                let endless = self.random.u8(0..6) == 0;
                self.ask(focus, What::Stream(endless));
            }
            43..49 => self.with_a_stream(),
            49..62 => {
                let what = if kind == Kind::Session { What::Begin } else { What::Savepoint };
                self.ask(focus, what);
            }
            62..72 if kind == Kind::Savepoint => {
                self.ask(focus, What::Release);
            }
            62..66 if kind == Kind::Transaction => {
                self.ask(focus, What::Commit);
            }
            66..76 if kind != Kind::Session => {
                let rolls_back = kind == Kind::Savepoint || self.random.u8(0..3) == 0;
                if rolls_back {
                    self.ask(focus, What::Rollback);
                }
            }
            76..80 if kind != Kind::Session && !self.handles[&focus].over => {
                self.drop_handle(focus);
            }
            80..87 => self.give_up(),
            87..88 => {
                self.ask(focus, What::Interrupt);
            }
            _ if !self.is_blocked() && self.random.bool() => self.settle().await?,
            _ => tokio::task::yield_now().await,
        }
        Ok(())
    }

    /// The handle that a task works with: mostly an open one.
    fn focus(&mut self, task: usize) -> Option<u32> {
        let nest = |known: &Known| !matches!(known.kind, Kind::Stream { .. });
        let usable = self.handles.get(&self.tasks[task]).is_some_and(|known| !known.over);
        if !usable || self.random.u8(0..4) == 0 {
            let stale = self.random.u8(0..12) == 0;
            let mut all: Vec<u32> = self
                .handles
                .iter()
                .filter(|(_, known)| nest(known) && (stale || !known.over))
                .map(|(id, _)| *id)
                .collect();
            all.sort_unstable();
            self.tasks[task] = self.random.choice(all)?;
        }
        Some(self.tasks[task])
    }

    async fn begin(&mut self) -> Result<(), String> {
        if self.is_blocked() {
            return Ok(());
        }
        let what = if self.in_session { What::Acquire } else { What::Begin };
        self.ask(0, what);
        self.settle().await
    }

    fn statement(&mut self) -> Statement {
        match self.random.u32(0..20) {
            0..10 => Statement::Insert(self.value()),
            10..13 => Statement::Update,
            13..14 => Statement::Upsert,
            14..15 => Statement::Fails,
            15..16 => Statement::FailsHalf(self.value()),
            16..17 => Statement::FailsWhole,
            _ => Statement::Read,
        }
    }

    fn many(&mut self, focus: u32) {
        let (kind, fails) = (self.random.u8(0..30), self.random.u8(0..6) == 0);
        // Some take several chunks, and a savepoint of their own.
        let count = if kind == 0 { 2100 } else { self.random.usize(0..4) };
        let mut values: Vec<i64> = (0..count).map(|_| self.value()).collect();
        if fails {
            values.push(0);
        }
        let whole = kind < 20;
        self.ask(focus, What::Many(values, whole));
    }

    fn with_a_stream(&mut self) {
        let mut streams: Vec<u32> = self
            .handles
            .iter()
            .filter(|(_, known)| matches!(known.kind, Kind::Stream { .. }))
            .map(|(id, _)| *id)
            .collect();
        streams.sort_unstable();
        let Some(stream) = self.random.choice(streams) else { return };
        if self.random.bool() && !self.handles[&stream].over {
            self.drop_handle(stream);
        } else {
            self.ask(stream, What::Next);
        }
    }

    /// Gives up something that was asked, or goes on with its rows.
    fn give_up(&mut self) {
        let outstanding = self.outstanding();
        let Some(place) = self.random.choice(outstanding) else { return };
        let asked = &self.trace.asked[place];
        if matches!(asked.what, What::Many(_, false)) && self.random.bool() {
            return self.more(place);
        }
        self.cancel(place);
    }

    /// Sends the last rows of an operation on many.
    fn more(&mut self, place: usize) {
        let new = [self.value(), self.value()];
        let id = self.trace.asked[place].id;
        if let What::Many(values, whole) = &mut self.trace.asked[place].what {
            values.extend(new);
            *whole = true;
        }
        self.last += 1;
        self.submit(&Batch::default().flagged(self.last, op::MORE, 0, id, &rows(&new)));
        self.absorb();
    }

    /// Ends everything, one way or another.
    pub(super) async fn finish(mut self) -> Result<Trace, String> {
        let commits = |place: &usize| matches!(self.trace.asked[*place].what, What::Commit);
        if self.random.u8(0..6) == 0 && !self.outstanding().iter().any(commits) {
            self.lose();
            return Ok(self.trace);
        }
        for place in self.outstanding() {
            match self.trace.asked[place].what {
                What::Many(_, false) if self.random.bool() => self.more(place),
                What::Many(_, false) | What::Stream(true) => self.cancel(place),
                _ => {}
            }
        }
        let mut all: Vec<u32> = self.handles.keys().copied().collect();
        all.sort_unstable();
        for handle in &all {
            let known = self.handles[handle];
            if matches!(known.kind, Kind::Stream { .. }) && !known.dropped {
                self.drop_handle(*handle);
            }
        }
        self.settle().await?;
        // Innermost first, now and then all at once.
        let mut open: Vec<u32> =
            self.handles.iter().filter(|(_, it)| !it.over).map(|(id, _)| *id).collect();
        open.sort_unstable();
        if self.random.u8(0..4) > 0 {
            open.reverse();
        }
        for handle in open {
            let what = match (self.handles[&handle].kind, self.random.u8(0..4)) {
                (Kind::Transaction, 1..) => What::Commit,
                (Kind::Savepoint, 1..) => What::Release,
                (Kind::Transaction | Kind::Savepoint, 0) if self.random.bool() => What::Rollback,
                _ => {
                    self.drop_handle(handle);
                    continue;
                }
            };
            self.ask(handle, what);
        }
        self.settle().await?;
        for handle in self.handles.clone().into_keys() {
            // Begun when the client thought that everything was over.
            self.drop_handle(handle);
        }
        let idle = async {
            while self.server.as_ref().is_some_and(|server| !server.is_idle()) {
                tokio::task::yield_now().await;
            }
        };
        if tokio::time::timeout(HANG / 4, idle).await.is_err() {
            return Err(format!("a handle is left\n{}", self.trace.describe()));
        }
        Ok(self.trace)
    }

    /// The client goes.
    fn lose(&mut self) {
        self.absorb();
        for place in self.outstanding() {
            let open_ended = self.is_too_late(place);
            let asked = &mut self.trace.asked[place];
            asked.given_up = true;
            asked.open_ended = open_ended;
        }
        let mut roots: Vec<u32> =
            self.handles.iter().filter(|(_, it)| it.parent == 0).map(|(id, _)| *id).collect();
        roots.sort_unstable();
        self.trace.events.extend(roots.into_iter().map(Event::Dropped));
        self.server = None;
    }
}

/// The rows of an operation on many.
fn rows(values: &[i64]) -> Vec<u8> {
    let mut bytes = (values.len() as u32).to_le_bytes().to_vec();
    for value in values {
        bytes.extend_from_slice(&[1, 1, 0, 0, 0, 1]);
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    bytes
}
