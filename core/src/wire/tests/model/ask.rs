//! The requests of a client, and their results.

use super::*;

/// A statement of a sequence, on `t(a INTEGER PRIMARY KEY, n)` with the row (0, 0).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Statement {
    Insert(i64),
    Update,
    Upsert,
    /// Refused by a constraint.
    Fails,
    /// Refused after its first row: nothing of it is kept.
    FailsHalf(i64),
    /// Refused: SQLite rolls the whole transaction back.
    FailsWhole,
    Read,
}

impl Statement {
    pub(super) fn sql(&self) -> String {
        match self {
            Self::Insert(a) => format!("INSERT INTO t VALUES ({a}, last_insert_rowid())"),
            Self::Update => "UPDATE t SET n = n + 1 WHERE a >= 0".to_owned(),
            Self::Upsert => {
                "INSERT INTO t VALUES (0, 1) ON CONFLICT DO UPDATE SET n = n + 7".to_owned()
            }
            Self::Fails => "INSERT INTO t VALUES (0, 1)".to_owned(),
            Self::FailsHalf(a) => format!("INSERT OR FAIL INTO t VALUES ({a}, 5), (0, 1)"),
            Self::FailsWhole => "INSERT OR ROLLBACK INTO t VALUES (0, 1)".to_owned(),
            Self::Read => "SELECT count(*) FROM t".to_owned(),
        }
    }

    pub(super) fn writes(&self) -> bool {
        *self != Self::Read
    }
}

pub(super) const MANY: &str = "INSERT INTO t VALUES (?, last_insert_rowid())";

#[derive(Debug, Clone)]
pub(super) enum What {
    Acquire,
    Begin,
    Savepoint,
    Commit,
    Release,
    Rollback,
    Run(Statement),
    /// True: all rows were sent.
    Many(Vec<i64>, bool),
    /// True: it has no end.
    Stream(bool),
    Next,
    Interrupt,
}

impl What {
    pub(super) fn ends(&self) -> bool {
        matches!(self, Self::Commit | Self::Release | Self::Rollback)
    }

    pub(super) fn keeps(&self) -> bool {
        matches!(self, Self::Commit | Self::Release)
    }

    pub(super) fn writes(&self) -> bool {
        match self {
            Self::Run(statement) => statement.writes(),
            Self::Many(..) => true,
            _ => false,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Answer {
    Done,
    Executed(u64, i64),
    Count(u64),
    /// Its kind, and its message for people.
    Failed(String, #[allow(dead_code, reason = "printed")] String),
}

impl Answer {
    pub(super) fn of(reply: &Reply) -> Self {
        let wide = |at: usize| u64::from_le_bytes(reply.payload[at..at + 8].try_into().unwrap());
        match reply.kind {
            1 => {
                // It is padded with blanks or zeros.
                let mut json = serde_json::Deserializer::from_slice(&reply.payload).into_iter();
                let json: serde_json::Value = json.next().unwrap().unwrap();
                let field = |name: &str| json[name].as_str().unwrap().to_owned();
                Self::Failed(field("kind"), field("message"))
            }
            2 => Self::Executed(wide(0), wide(8) as i64),
            4 => Self::Count(wide(0)),
            _ => Self::Done,
        }
    }

    pub(super) fn kind(&self) -> Option<&str> {
        match self {
            Self::Failed(kind, _) => Some(kind),
            _ => None,
        }
    }
}

/// A request, and what became of it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) id: u32,
    pub(super) on: u32,
    pub(super) what: What,
    pub(super) result: Option<Answer>,
    /// It was cancelled, or its handle was dropped: no task waits for a reply.
    pub(super) given_up: bool,
    /// When it was cancelled, the end of its transaction had already been requested: whether it
    /// was done is not reported.
    pub(super) open_ended: bool,
    /// The reason for which it must be refused.
    pub(super) refused: Option<Refused>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The end of its handle was requested before.
    Over,
    /// This handle, begun from the request's own, is open, unless it is dropped in the meantime.
    Covered(u32),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    /// The request at this index.
    Asked(usize),
    /// A handle was dropped.
    Dropped(u32),
}

/// All that a client has requested.
#[derive(Debug, Default, Clone)]
pub(super) struct Trace {
    pub(super) asked: Vec<Asked>,
    pub(super) events: Vec<Event>,
    /// Withdrawn requests, each with the number of events before its withdrawal.
    pub(super) withdrawn: Vec<(usize, usize)>,
}

impl Trace {
    /// Inserts the drops that withdrawals caused: a withdrawn end that never began dropped its
    /// handle at that moment.
    pub(super) fn resolve(&mut self) {
        for (index, at) in std::mem::take(&mut self.withdrawn).into_iter().rev() {
            let asked = &self.asked[index];
            let never = asked.result.as_ref().and_then(Answer::kind) == Some("Cancelled");
            if never && asked.what.ends() {
                self.events.insert(at, Event::Dropped(asked.on));
            }
        }
    }

    pub(super) fn describe(&self) -> String {
        let mut lines = String::new();
        for event in &self.events {
            let line = match event {
                Event::Asked(index) => format!("  {:?}\n", self.asked[*index]),
                Event::Dropped(handle) => format!("  dropped {handle}\n"),
            };
            lines.push_str(&line);
        }
        lines
    }
}
