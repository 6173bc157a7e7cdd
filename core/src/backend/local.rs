//! The backend of places without threads: one connection, used by whoever's turn
//! it is, on the thread that asks.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use super::{
    Backend, Begin, Capabilities, Completer, Control, Intent, Output, Pages, Program, Reply,
    Session, call,
};
use crate::engine::{Connection, Cursor, Read, Role};
use crate::error::{Error, Result};
use crate::options::Options;
use crate::platform::BoxFuture;
use crate::row::Page;
use crate::sql::Params;

/// One connection on the caller's thread.
#[derive(Debug)]
pub(crate) struct Local(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    connection: Mutex<Option<Connection>>,
    turns: Mutex<Turns>,
}

#[derive(Debug, Default)]
struct Turns {
    taken: bool,
    waiting: VecDeque<Completer<Turn>>,
    closed: bool,
}

/// The exclusive use of the connection, passed on when dropped.
#[derive(Debug)]
struct Turn(Arc<Shared>);

impl Shared {
    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Uses the connection. Nothing here waits, so the lock is never contended.
    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *connection {
            Some(connection) => work(connection),
            None => Err(Error::closed("database").with_path(&self.path)),
        }
    }
}

impl Turn {
    /// The turn now, or in its order.
    fn take(shared: &Arc<Shared>) -> Result<Result<Self, BoxFuture<'static, Result<Self>>>> {
        let mut turns = shared.turns();
        if turns.closed {
            return Err(Error::closed("database"));
        }
        if !turns.taken {
            turns.taken = true;
            return Ok(Ok(Self(Arc::clone(shared))));
        }
        let (completer, turn) = call();
        turns.waiting.push_back(completer);
        Ok(Err(Box::pin(turn)))
    }

    /// Does something with the turn, as soon as it comes.
    fn then<T: crate::MaybeSend + 'static>(
        shared: &Arc<Shared>,
        work: impl FnOnce(Self) -> Result<T> + crate::MaybeSend + 'static,
    ) -> Reply<T> {
        match Self::take(shared) {
            Err(error) => Reply::err(error),
            Ok(Ok(turn)) => Reply::ready(work(turn)),
            Ok(Err(later)) => Reply::later(Box::pin(async move { work(later.await?) })),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        loop {
            let mut turns = self.0.turns();
            let Some(next) = turns.waiting.pop_front() else {
                turns.taken = false;
                return;
            };
            drop(turns);
            if next.start() {
                // One that nobody takes any more passes itself on.
                drop(next.answer(Ok(Self(Arc::clone(&self.0)))));
                return;
            }
        }
    }
}

impl Local {
    /// Opens the database on this thread.
    pub(crate) fn open(path: &Path, options: &Options) -> Result<Self> {
        let connection = Connection::open(path, options, Role::Writer)?;
        Ok(Self(Arc::new(Shared {
            path: path.to_owned(),
            connection: Mutex::new(Some(connection)),
            turns: Mutex::default(),
        })))
    }
}

fn run(connection: &mut Connection, program: &Program<'_>) -> Result<Output> {
    if connection.in_transaction() {
        return connection.run_nested(program);
    }
    match connection.read(program) {
        Read::Done(answer) => answer,
        Read::Writes | Read::TooLong => connection.run_whole(program),
    }
}

impl Backend for Local {
    fn capabilities(&self) -> Capabilities {
        Capabilities { transactions: true, cursors: true, snapshots: true, sessions: true }
    }

    fn run(&self, program: Program<'_>) -> Reply<Output> {
        match Turn::take(&self.0) {
            Err(error) => Reply::err(error),
            Ok(Ok(turn)) => Reply::ready(turn.0.with(|connection| run(connection, &program))),
            Ok(Err(later)) => {
                let program = program.into_owned();
                Reply::later(Box::pin(async move {
                    let turn = later.await?;
                    turn.0.with(|connection| run(connection, &program))
                }))
            }
        }
    }

    fn acquire(&self, intent: Intent) -> Reply<Box<dyn Session>> {
        Turn::then(&self.0, move |turn| {
            turn.0.with(|connection| match intent {
                Intent::Transaction(begin) => connection.control(begin.sql()),
                Intent::Snapshot => connection.control(Begin::Deferred.sql()),
                Intent::Own => {
                    connection.lend(true);
                    Ok(())
                }
            })?;
            Ok(Box::new(LocalSession { turn, intent }) as Box<dyn Session>)
        })
    }

    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
        let sql = sql.to_owned();
        Turn::then(&self.0, move |turn| {
            let cursor = turn.0.with(|connection| connection.open_cursor(&sql, params))?;
            let shared = Arc::clone(&turn.0);
            Ok(Box::new(LocalPages { shared, cursor: Some(cursor), _turn: Some(turn) })
                as Box<dyn Pages>)
        })
    }

    /// Nothing runs between two calls on one thread.
    fn interrupt(&self) {}

    fn close(&self) -> Reply<()> {
        let turn = Turn::take(&self.0);
        self.0.turns().closed = true;
        let close = |turn: Turn| {
            *turn.0.connection.lock().unwrap_or_else(PoisonError::into_inner) = None;
            Ok(())
        };
        match turn {
            Err(_) => Reply::ready(Ok(())),
            Ok(Ok(turn)) => Reply::ready(close(turn)),
            Ok(Err(later)) => Reply::later(Box::pin(async move { close(later.await?) })),
        }
    }
}

struct LocalSession {
    turn: Turn,
    intent: Intent,
}

impl Session for LocalSession {
    fn run(&self, program: Program<'_>) -> Reply<Output> {
        Reply::ready(self.turn.0.with(|connection| {
            if self.intent == Intent::Snapshot {
                return match connection.read(&program) {
                    Read::Done(answer) => answer,
                    _ => Err(Error::snapshot_reads_only()),
                };
            }
            if self.intent != Intent::Own && !connection.in_transaction() {
                return Err(Error::transaction_lost());
            }
            run(connection, &program)
        }))
    }

    fn control(&self, control: Control) -> Reply<()> {
        Reply::ready(self.turn.0.with(|connection| connection.control(&control.sql())))
    }

    fn stream(&self, sql: &str, params: Params) -> Reply<Box<dyn Pages>> {
        let cursor = self.turn.0.with(|connection| connection.open_cursor(sql, params));
        let shared = Arc::clone(&self.turn.0);
        Reply::ready(cursor.map(|cursor| {
            Box::new(LocalPages { shared, cursor: Some(cursor), _turn: None }) as Box<dyn Pages>
        }))
    }

    fn interrupt(&self) {}
}

impl Drop for LocalSession {
    fn drop(&mut self) {
        // A closed connection has rolled back already.
        let _ = self.turn.0.with(|connection| {
            connection.lend(false);
            connection.rollback();
            Ok(())
        });
    }
}

struct LocalPages {
    shared: Arc<Shared>,
    cursor: Option<Cursor>,
    _turn: Option<Turn>,
}

impl Pages for LocalPages {
    fn poll_next(&mut self, _cx: &mut Context<'_>) -> Poll<Result<Option<Page>>> {
        let Some(cursor) = &mut self.cursor else { return Poll::Ready(Ok(None)) };
        // The lock is for the compiler: the turn is ours.
        Poll::Ready(self.shared.with(|_connection| cursor.next_page()))
    }
}

impl Drop for LocalPages {
    fn drop(&mut self) {
        if let Some(cursor) = self.cursor.take() {
            // Where the connection is gone, the statement went with the cursor.
            let _ = self.shared.with(|connection| {
                connection.close_cursor(cursor);
                Ok(())
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Database, ErrorKind, Row, record};

    async fn fresh() -> Database {
        let local = Local::open(Path::new(":memory:"), &Options::default()).unwrap();
        let db = Database::from_backend(Box::new(local));
        db.batch("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE)").await.unwrap();
        db
    }

    #[tokio::test]
    async fn every_operation_works_without_a_thread() {
        let db = fresh().await;
        let id = db.table("items").insert(record! { "name" => "a" }).await.unwrap();
        db.transaction(async |tx| {
            tx.execute("INSERT INTO items (name) VALUES ('b')", ()).await?;
            let failed: Result<()> = tx
                .savepoint(async |sp| {
                    sp.execute("INSERT INTO items (name) VALUES ('c')", ()).await?;
                    Err(Error::new(ErrorKind::Cancelled, "no"))
                })
                .await;
            assert!(failed.is_err());
            Ok(())
        })
        .await
        .unwrap();
        let names: Vec<String> =
            db.stream("SELECT name FROM items ORDER BY id", ()).collect().await.unwrap();
        assert_eq!(names, ["a", "b"]);
        assert!(db.table("items").get::<Row>(&id).await.unwrap().is_some());
        let snapshot = db.snapshot().await.unwrap();
        let refused = snapshot.query::<Row>("DELETE FROM items RETURNING id", ()).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ReadOnly);
        drop(snapshot);
        db.close().await.unwrap();
        assert_eq!(db.table("items").count().await.unwrap_err().kind(), ErrorKind::Closed);
    }

    #[tokio::test]
    async fn a_write_waits_for_the_transaction_and_comes_after_its_rollback() {
        let db = fresh().await;
        let mut tx = db.begin().await.unwrap();
        tx.execute("INSERT INTO items (name) VALUES ('gone')", ()).await.unwrap();
        let other = db.clone();
        let write =
            async move { other.execute("INSERT INTO items (name) VALUES ('kept')", ()).await };
        let drop_it = async move {
            tokio::task::yield_now().await;
            drop(tx);
        };
        let (done, ()) = tokio::join!(write, drop_it);
        done.unwrap();
        let names: Vec<String> = db.query("SELECT name FROM items", ()).await.unwrap();
        assert_eq!(names, ["kept"]);
    }
}
