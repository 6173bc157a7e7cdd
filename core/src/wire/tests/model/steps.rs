//! The steps of a client's tasks, and its end.

use super::ask::{Event, Statement, Trace, What};
use super::client::{Client, Kind, Known, rows};
use super::*;

impl Client {
    /// Runs one step of one of the tasks.
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

    /// Returns the handle that a task works with: mostly an open one.
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
        // Some take several chunks, and their own savepoint.
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

    /// Gives up a request, or sends more of its rows.
    fn give_up(&mut self) {
        let outstanding = self.outstanding();
        let Some(index) = self.random.choice(outstanding) else { return };
        let asked = &self.trace.asked[index];
        if matches!(asked.what, What::Many(_, false)) && self.random.bool() {
            let last = self.random.bool();
            return self.more(index, last);
        }
        if self.random.bool() { self.withdraw(index) } else { self.cancel(index) }
    }

    /// Sends more rows of an `EXECUTE_MANY`, often the last ones.
    fn more(&mut self, index: usize, last: bool) {
        let new = [self.value(), self.value()];
        let id = self.trace.asked[index].id;
        if let What::Many(values, whole) = &mut self.trace.asked[index].what {
            values.extend(new);
            *whole = last;
        }
        self.last += 1;
        self.chunks.push(self.last);
        let flags = if last { 0 } else { 2 };
        self.submit(&Batch::default().flagged(self.last, op::MORE, flags, id, &rows(&new)));
        self.absorb();
    }

    /// Ends everything, one way or another.
    pub(super) async fn finish(mut self) -> Result<Trace, String> {
        let commits = |index: &usize| matches!(self.trace.asked[*index].what, What::Commit);
        if self.random.u8(0..6) == 0 && !self.outstanding().iter().any(commits) {
            self.lose();
            return Ok(self.trace);
        }
        for index in self.outstanding() {
            match self.trace.asked[index].what {
                What::Many(_, false) if self.random.bool() => self.more(index, true),
                What::Many(_, false) | What::Stream(true) => self.cancel(index),
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
        // Mostly innermost first; sometimes outermost first.
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
            // One may have begun after the client thought that everything was over.
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
        self.absorb();
        if !self.chunks.is_empty() {
            let trace = self.trace.describe();
            return Err(format!("no reply to the rows of {:?}\n{trace}", self.chunks));
        }
        Ok(self.trace)
    }

    /// Drops the server's side of the client, as if the client were lost.
    fn lose(&mut self) {
        self.absorb();
        for index in self.outstanding() {
            let open_ended = self.is_too_late(index);
            let asked = &mut self.trace.asked[index];
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
