//! An open transaction, with the savepoints in it.
//!
//! Toasty asks for savepoints by name, and ubiqlite's borrow what they are begun from. So a
//! transaction is a future of its own, in which each savepoint is a call of [`serve`]. It takes
//! requests from a channel, and whoever waits for a reply polls it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use toasty_core::driver::operation::TransactionMode;
use toasty_core::{Error, Result};
use tokio::sync::{mpsc, oneshot};
use ubiqlite::{Begin, Database, Savepoint, Snapshot, Transaction};

use crate::call::{Call, Done, run};
use crate::error::error;

/// A transaction. Dropping it rolls it back.
pub(crate) struct Open {
    requests: mpsc::UnboundedSender<Request>,
    running: Running<'static, ()>,
    /// The future has returned, and must not be polled again.
    over: bool,
}

type Running<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What is asked for, and where the reply goes. Whoever asked may have gone.
struct Request {
    ask: Ask,
    reply: Reply,
}

type Reply = oneshot::Sender<Result<Done>>;

/// What is asked for in a transaction.
pub(crate) enum Ask {
    Run(Call),
    Savepoint(String),
    Leave(Leave),
}

/// What ends a savepoint or the transaction, and all savepoints inside.
pub(crate) enum Leave {
    Release(String),
    /// The savepoint of this name is there again afterwards, as in SQL.
    RollbackTo(String),
    /// Whoever rolled back to the savepoint of this name has left it: it ends, and one of the same
    /// name begins.
    Anew(String),
    Commit,
    Rollback,
}

/// A savepoint around what is served.
struct Around {
    name: String,
    /// It was rolled back to, which is how Toasty leaves it: nobody names it again, unless as a new
    /// one.
    undone: bool,
}

/// Whether a savepoint of this name takes the place of one that is left, as all inside it are.
/// Otherwise each one that is undone would be a level more, until the transaction ends.
fn takes_place(around: &[Around], name: &str) -> bool {
    around.iter().rev().take_while(|each| each.undone).any(|each| each.name == name)
}

impl Leave {
    /// Whether the changes inside are kept.
    fn keeps(&self) -> bool {
        matches!(self, Self::Release(_) | Self::Anew(_) | Self::Commit)
    }

    fn savepoint(&self) -> Option<&str> {
        match self {
            Self::Release(name) | Self::RollbackTo(name) | Self::Anew(name) => Some(name),
            Self::Commit | Self::Rollback => None,
        }
    }
}

impl Open {
    /// Begins a transaction. One that only reads is a snapshot: it never waits for a writer, and
    /// none waits for it.
    ///
    /// # Errors
    /// ubiqlite's, among them `Busy`.
    pub(crate) async fn begin(
        database: &Database,
        read_only: bool,
        mode: TransactionMode,
    ) -> Result<Self> {
        let level = if read_only {
            Level::Snapshot(database.snapshot().await.map_err(error)?)
        } else {
            let begin = match mode {
                TransactionMode::Default | TransactionMode::Immediate => Begin::Immediate,
                TransactionMode::Deferred => Begin::Deferred,
                TransactionMode::Exclusive => Begin::Exclusive,
            };
            Level::Transaction(database.begin_with(begin).await.map_err(error)?)
        };
        let (requests, received) = mpsc::unbounded_channel();
        Ok(Self { requests, running: Box::pin(transaction(level, received)), over: false })
    }

    /// Waits for the reply to a request. Dropping this future leaves the request to be finished
    /// before the next one.
    ///
    /// # Errors
    /// As the request; a savepoint that is not open.
    pub(crate) async fn ask(&mut self, ask: Ask) -> Result<Done> {
        let (reply, mut replied) = oneshot::channel();
        // Refused only when the transaction is over, which the missing reply tells too.
        let _ = self.requests.send(Request { ask, reply });
        let reply = poll_fn(|cx| {
            if !self.over {
                self.over = self.running.as_mut().poll(cx).is_ready();
            }
            match Pin::new(&mut replied).poll(cx) {
                Poll::Pending if self.over => replied.close(),
                reply => return reply,
            }
            Pin::new(&mut replied).poll(cx)
        });
        reply.await.unwrap_or_else(|_| Err(Error::invalid_result("the transaction is over")))
    }
}

/// A transaction, or something begun in it.
enum Level<'a> {
    Transaction(Transaction<'a>),
    Savepoint(Savepoint<'a>),
    Snapshot(Snapshot),
    /// A savepoint in a snapshot: there is nothing to undo.
    Within(&'a Snapshot),
}

impl Level<'_> {
    async fn run(&mut self, call: Call) -> Result<Done> {
        match self {
            Self::Transaction(transaction) => run!(transaction, call),
            Self::Savepoint(savepoint) => run!(savepoint, call),
            Self::Snapshot(snapshot) => read(snapshot, call).await,
            Self::Within(snapshot) => read(snapshot, call).await,
        }
    }

    async fn savepoint(&mut self) -> Result<Level<'_>> {
        match self {
            Self::Transaction(transaction) => transaction.begin_savepoint().await,
            Self::Savepoint(savepoint) => savepoint.begin_savepoint().await,
            Self::Snapshot(snapshot) => return Ok(Level::Within(snapshot)),
            Self::Within(snapshot) => return Ok(Level::Within(snapshot)),
        }
        .map(Level::Savepoint)
        .map_err(error)
    }

    /// Ends it, with what was done in it or without.
    async fn end(self, keep: bool) -> Result<()> {
        match (self, keep) {
            (Self::Transaction(transaction), true) => transaction.commit().await,
            (Self::Transaction(transaction), false) => transaction.rollback().await,
            (Self::Savepoint(savepoint), true) => savepoint.release().await,
            (Self::Savepoint(savepoint), false) => savepoint.rollback().await,
            (Self::Snapshot(_) | Self::Within(_), _) => Ok(()),
        }
        .map_err(error)
    }
}

async fn read(snapshot: &Snapshot, call: Call) -> Result<Done> {
    let result = snapshot.run(&call.sql, call.params).await.map_err(error)?;
    Ok(Done { changed: result.rows_changed, rows: result.rows })
}

async fn transaction(mut level: Level<'static>, mut requests: mpsc::UnboundedReceiver<Request>) {
    let Some((leave, reply)) = serve(&mut level, &mut Vec::new(), &mut requests).await else {
        return;
    };
    send(reply, level.end(leave.keeps()).await);
}

/// Serves requests inside a transaction or savepoint until one leads out of it, which is returned.
/// `None`: the transaction was dropped. `open` has the savepoints around.
fn serve<'a>(
    level: &'a mut Level<'_>,
    open: &'a mut Vec<Around>,
    requests: &'a mut mpsc::UnboundedReceiver<Request>,
) -> Running<'a, Option<(Leave, Reply)>> {
    Box::pin(async move {
        while let Some(Request { ask, reply }) = requests.recv().await {
            match ask {
                Ask::Run(call) => drop(reply.send(level.run(call).await)),
                Ask::Savepoint(name) if takes_place(open, &name) => {
                    return Some((Leave::Anew(name), reply));
                }
                Ask::Savepoint(name) => {
                    open.push(Around { name, undone: false });
                    let left = inside(level, reply, open, requests).await;
                    open.pop();
                    match left {
                        Left::Here => {}
                        Left::Further(leave, reply) => return Some((leave, reply)),
                        Left::Dropped => return None,
                    }
                }
                Ask::Leave(leave) => match leave.savepoint() {
                    Some(name) if !open.iter().any(|known| known.name == name) => {
                        let message = format!("there is no savepoint {name}");
                        send(reply, Err(Error::invalid_statement(message)));
                    }
                    _ => return Some((leave, reply)),
                },
            }
        }
        None
    })
}

/// How a savepoint was left.
enum Left {
    /// For what is around it.
    Here,
    /// The request leads further out.
    Further(Leave, Reply),
    Dropped,
}

/// Begins a savepoint, which is the last of `open`, and serves requests inside it.
async fn inside(
    level: &mut Level<'_>,
    mut reply: Reply,
    open: &mut Vec<Around>,
    requests: &mut mpsc::UnboundedReceiver<Request>,
) -> Left {
    loop {
        let mut savepoint = match level.savepoint().await {
            Ok(savepoint) => savepoint,
            Err(error) => {
                send(reply, Err(error));
                return Left::Here;
            }
        };
        send(reply, Ok(()));
        let Some((leave, then)) = serve(&mut savepoint, open, requests).await else {
            return Left::Dropped;
        };
        let own = leave.savepoint() == open.last().map(|last| last.name.as_str());
        if !own && !leave.keeps() {
            // What is around it is undone, and this with it, even if SQLite has done so already.
            return Left::Further(leave, then);
        }
        let ended = savepoint.end(leave.keeps()).await;
        match (ended, own, leave) {
            (Ok(()), true, leave @ (Leave::RollbackTo(_) | Leave::Anew(_))) => {
                if let Some(last) = open.last_mut() {
                    last.undone = matches!(leave, Leave::RollbackTo(_));
                }
                reply = then;
            }
            (Ok(()), false, leave) => return Left::Further(leave, then),
            (ended, ..) => {
                send(then, ended);
                return Left::Here;
            }
        }
    }
}

fn send(reply: Reply, result: Result<()>) {
    // Whoever asked may have gone.
    let _ = reply.send(result.map(|()| Done { changed: 0, rows: Vec::new() }));
}
