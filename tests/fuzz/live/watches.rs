//! The watches, and whether they have come to what is true.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::watch;
use ubiqlite::{Database, ErrorKind, Watch, WatchAll};

use crate::query_result::QueryResult;
use crate::schema::Watched;

/// How long a watch may take to come to what is true, once nobody writes any more.
const DEADLINE: Duration = Duration::from_secs(60);

/// Every so many queries are watched by a task of their own too.
const APART: usize = 9;

/// All watches of one database.
pub(crate) struct Watches {
    db: Database,
    all: Vec<One>,
    apart: Vec<Apart>,
    twins: WatchAll,
}

/// A query that a task of its own watches, and so runs whenever it is to run.
struct Apart {
    index: usize,
    got: watch::Receiver<Option<QueryResult>>,
}

/// A query, watched.
struct One {
    watched: Watched,
    /// `None` once it has ended with an error.
    live: Option<Watch>,
    /// What it has delivered last.
    got: Option<QueryResult>,
    /// What was true the last time.
    known: Option<QueryResult>,
}

/// Whether the watch of a query that is answered again may have ended in between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Between {
    /// One commit at most, or several in one.
    Nothing,
    /// States that are over.
    Anything,
}

impl Watches {
    pub(crate) async fn of(db: &Database, watched: Vec<Watched>) -> Self {
        let mut all = Vec::new();
        for watched in watched {
            let mut one = One { watched, live: None, got: None, known: None };
            one.begin(db).await;
            all.push(one);
        }
        let apart = (0..all.len()).step_by(APART);
        let apart = apart.map(|index| Apart::begin(db, index, &all[index].watched)).collect();
        let twins = db.watch_all([("SELECT v FROM twin_a", ()), ("SELECT v FROM twin_b", ())]);
        Self { db: db.clone(), all, apart, twins }
    }

    pub(crate) fn queries(&self) -> impl Iterator<Item = &Watched> {
        self.all.iter().map(|it| &it.watched)
    }

    /// Ends the watch of a query, and begins another one.
    pub(crate) async fn replace(&mut self, index: usize) {
        let index = index % self.all.len();
        self.all[index].begin(&self.db).await;
    }

    /// Takes what the watches have, and makes them ask for more.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) {
        for one in &mut self.all {
            one.poll(cx);
        }
        while let Poll::Ready(both) = pin!(self.twins.try_next()).poll(cx) {
            let both = both.unwrap().unwrap();
            let value = |index: usize| both[index].rows::<(i64,)>().unwrap()[0].0;
            assert_eq!(value(0), value(1), "results of one moment, changed by one commit");
        }
    }

    /// As [`poll`](Self::poll), once.
    pub(crate) async fn ask(&mut self) {
        poll_fn(|cx| {
            self.poll(cx);
            Poll::Ready(())
        })
        .await;
    }

    /// Follows what the watches deliver until `work` is done.
    pub(crate) async fn follow<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|cx| {
            self.poll(cx);
            work.as_mut().poll(cx)
        })
        .await
    }

    /// Waits until no query is to run again because of what has happened before.
    pub(crate) async fn drain(&mut self) {
        let mut runs = None;
        // A run rests for as long as it took, and begins within this.
        while runs != Some(self.db.live_runs()) {
            runs = Some(self.db.live_runs());
            self.follow(tokio::time::sleep(Duration::from_millis(5))).await;
        }
    }

    /// Waits until each watch has delivered what is true. Returns the kinds of the queries whose
    /// results have changed, or the queries that have missed it.
    pub(crate) async fn agree(
        &mut self,
        truth: &[QueryResult],
        between: Between,
    ) -> Result<Vec<&'static str>, Vec<String>> {
        loop {
            for (one, truth) in self.all.iter_mut().zip(truth) {
                if one.live.is_none() && *truth != QueryResult::Error {
                    if between == Between::Nothing
                        && one.known.is_some_and(|it| it != QueryResult::Error)
                    {
                        return Err(vec![format!("{}: it has ended", one.watched.sql)]);
                    }
                    one.begin(&self.db).await;
                }
            }
            let agreed = poll_fn(|cx| {
                self.poll(cx);
                let mut pairs = self.all.iter().zip(truth);
                let ended = |(one, truth): (&One, &QueryResult)| {
                    one.live.is_none() && *truth != QueryResult::Error
                };
                if pairs.clone().any(ended) {
                    return Poll::Ready(false);
                }
                if pairs.all(|(one, truth)| one.got == Some(*truth)) {
                    return Poll::Ready(true);
                }
                Poll::Pending
            });
            match tokio::time::timeout(DEADLINE, agreed).await {
                Ok(true) => break,
                Ok(false) => {}
                Err(_) => return Err(self.missed(truth)),
            }
        }
        for apart in &mut self.apart {
            let (watched, wanted) = (&self.all[apart.index].watched, truth[apart.index]);
            apart.agree(&self.db, watched, wanted).await?;
        }
        let mut changed = Vec::new();
        for (one, truth) in self.all.iter_mut().zip(truth) {
            if one.known.replace(*truth).is_some_and(|known| known != *truth) {
                changed.push(one.watched.kind);
            }
        }
        Ok(changed)
    }

    fn missed(&self, truth: &[QueryResult]) -> Vec<String> {
        let wrong = self.all.iter().zip(truth).filter(|(one, truth)| one.got != Some(**truth));
        wrong
            .map(|(one, truth)| format!("{}: {:?} instead of {truth:?}", one.watched.sql, one.got))
            .collect()
    }
}

impl Apart {
    fn begin(db: &Database, index: usize, watched: &Watched) -> Self {
        let (send, got) = watch::channel(None);
        let (db, watched) = (db.clone(), watched.clone());
        tokio::spawn(async move {
            let follow = async {
                let mut live = watched.watch(&db).await?;
                // Until the database is closed, or nobody has an interest in it.
                while let Some(update) = live.try_next().await? {
                    send.send_replace(Some(QueryResult::of(&watched, &update)));
                    if send.is_closed() {
                        break;
                    }
                }
                Ok(())
            };
            if let Err(error) = follow.await {
                send.send_replace(Some(gone(&watched, &error)));
            }
        });
        Self { index, got }
    }

    /// As [`Watches::agree`].
    async fn agree(
        &mut self,
        db: &Database,
        watched: &Watched,
        truth: QueryResult,
    ) -> Result<(), Vec<String>> {
        loop {
            let come = self.got.wait_for(|it| [Some(truth), Some(QueryResult::Error)].contains(it));
            let Ok(come) = tokio::time::timeout(DEADLINE, come).await else {
                let got = *self.got.borrow();
                return Err(vec![format!("{}, apart: {got:?} instead of {truth:?}", watched.sql)]);
            };
            if *come.unwrap() == Some(truth) {
                return Ok(());
            }
            *self = Self::begin(db, self.index, watched);
        }
    }
}

/// Returns what a watch has come to that has ended, which only a missing table or column may do.
fn gone(watched: &Watched, error: &ubiqlite::Error) -> QueryResult {
    let gone = matches!(error.kind(), ErrorKind::NoSuchTable | ErrorKind::NoSuchColumn);
    assert!(gone, "{}: {:?}: {error}", watched.sql, error.kind());
    QueryResult::Error
}

impl One {
    async fn begin(&mut self, db: &Database) {
        self.live = None;
        self.got = None;
        match self.watched.watch(db).await {
            Ok(live) => self.live = Some(live),
            Err(error) => self.end(&error),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) {
        while let Some(live) = &mut self.live {
            let Poll::Ready(next) = pin!(live.try_next()).poll(cx) else { return };
            match next {
                Ok(update) => {
                    let update = update.expect("the database is open");
                    self.got = Some(QueryResult::of(&self.watched, &update));
                }
                Err(error) => self.end(&error),
            }
        }
    }

    fn end(&mut self, error: &ubiqlite::Error) {
        self.got = Some(gone(&self.watched, error));
        self.live = None;
    }
}
