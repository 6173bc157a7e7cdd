//! One statement on the database itself: what clients request most.

use std::sync::Arc;

use super::numbers::op;
use super::read::ByteReader;
use super::reply::Outcome;
use super::request::RequestHead;
use super::requester::Requester;
use super::server::ServerInner;
use super::timed::Timed;
use crate::backend::call_times;
use crate::engine::context;
use crate::error::Result;
use crate::exec::target::{Executed, Target, limited, no_row};
use crate::program::{Fetch, Output, PageSink, Program, Step};

/// What the client wants from the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResultShape {
    Changes,
    Rows,
    /// Columns, rows and changes.
    Everything,
    /// The first row, which must be there.
    Row,
    /// The first row, if there is one.
    RowOrNone,
}

impl ResultShape {
    /// What an operation wants, if it is one statement.
    pub(super) fn of(op: u8) -> Option<Self> {
        Some(match op {
            op::EXECUTE => Self::Changes,
            op::QUERY => Self::Rows,
            op::RUN => Self::Everything,
            op::QUERY_ONE | op::QUERY_VALUE => Self::Row,
            op::QUERY_OPTIONAL => Self::RowOrNone,
            _ => return None,
        })
    }

    pub(super) fn keep(self) -> Fetch {
        match self {
            Self::Changes => Fetch::Nothing,
            Self::Rows => Fetch::All,
            Self::Everything => Fetch::Described,
            Self::Row | Self::RowOrNone => Fetch::First,
        }
    }

    /// The receiver of its first rows while it runs, if they may leave before its reply.
    pub(super) fn sink(self, client: &dyn PageSink) -> Option<&dyn PageSink> {
        (self == Self::Rows).then_some(client)
    }

    /// # Errors
    /// The error that it failed with, or `NotFound`.
    pub(super) fn outcome(self, output: Result<Output>) -> Result<Outcome> {
        let mut steps = output?.steps;
        if self == Self::Changes {
            return Ok(Outcome::Executed(steps.first().map(Executed::from).unwrap_or_default()));
        }
        if self == Self::Everything {
            return Ok(Outcome::Ran(Box::new(steps.pop().unwrap_or_default())));
        }
        let rows = steps.pop().map(|outcome| outcome.rows).unwrap_or_default();
        if self == Self::Row && rows.is_empty() {
            return Err(no_row());
        }
        Ok(Outcome::Rows(rows))
    }
}

impl ServerInner {
    /// Runs a statement, and returns the reply if it is done at once. Only otherwise is a future
    /// made, since that would cost a short read a quarter of its time.
    pub(super) fn statement(
        self: &Arc<Self>,
        head: RequestHead,
        shape: ResultShape,
        payload: &mut ByteReader<'_>,
        timed: Option<&Arc<Timed>>,
    ) -> Result<Option<Outcome>> {
        let step = Step::new(payload.str()?, payload.params()?, shape.keep());
        let program = Program { access: head.access(), ..Program::one(step) };
        let target = Target { limit: head.timeout, ..self.database.target() };
        let caller = self.caller(head);
        let asker = Requester { inner: self, id: head.id, timed };
        if let (Some(timed), [step]) = (timed, program.steps.as_slice()) {
            timed.describe_sql(&step.sql);
        }
        let entered = context::enter(Some(caller));
        let times = call_times::enter(timed.map(|timed| &timed.times));
        let reply = target.begin(program, shape.sink(&asker))?.try_now();
        drop((times, entered));
        match reply {
            Ok(output) => shape.outcome(output).map(Some),
            Err(reply) => {
                // Only work that continues needs its number.
                self.check_number(head)?;
                let database = self.database.clone();
                let work = async move {
                    let result = shape.outcome(limited(reply, head.timeout, false).await);
                    // What runs the statement goes away when nothing holds the database.
                    drop(database);
                    result
                };
                self.start(head, Box::pin(work), timed)
            }
        }
    }
}
