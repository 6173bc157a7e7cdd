//! The results of a watch.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use ubiqlite::{Diff, Error, Row, Update, Watch, WatchAll};

use super::call::Call;
use super::check::Outcome;
use super::data::Data;
use super::scope::{Exit, Scope};

/// A watch of one query or of several, and what it returned last.
pub(crate) struct Watching {
    live: Option<Live>,
    /// Where a watch can't even begin, other languages tell the one who reads it.
    refused: Option<Error>,
    /// Of each query.
    last: Vec<Last>,
}

enum Live {
    One(Watch),
    All(WatchAll),
}

/// What a query returned last.
struct Last {
    rows: usize,
    moment: u64,
}

impl Watching {
    pub(crate) fn new(live: ubiqlite::Result<Watch>) -> Self {
        let (live, refused) = match live {
            Ok(live) => (Some(Live::One(live)), None),
            Err(error) => (None, Some(error)),
        };
        Self { live, refused, last: Vec::new() }
    }

    pub(crate) fn all(live: WatchAll) -> Self {
        Self { live: Some(Live::All(live)), refused: None, last: Vec::new() }
    }

    /// Returns the next result. Steps that run meanwhile begin when the call waits.
    pub(crate) async fn next(
        &mut self,
        call: &Call<'_>,
        mut rest: Scope<'_>,
    ) -> Result<Outcome, Exit> {
        let result = match call.meanwhile() {
            None => self.read().await,
            Some(steps) => {
                let (mut read, mut early) = (pin!(self.read()), None);
                let mut steps = pin!(rest.run(steps));
                poll_fn(|cx| {
                    if early.is_none()
                        && let Poll::Ready(result) = read.as_mut().poll(cx)
                    {
                        early = Some(result);
                    }
                    steps.as_mut().poll(cx)
                })
                .await?;
                match early {
                    Some(result) => result,
                    None => read.await,
                }
            }
        };
        Ok(match result {
            Ok(Some(updates)) => Ok(self.take(&updates)?),
            Ok(None) => Ok(Data::Null),
            Err(error) => Err(error),
        })
    }

    async fn read(&mut self) -> ubiqlite::Result<Option<Vec<Update>>> {
        if let Some(error) = self.refused.take() {
            return Err(error);
        }
        match &mut self.live {
            Some(Live::One(live)) => Ok(live.try_next().await?.map(|update| vec![update])),
            Some(Live::All(live)) => live.try_next().await,
            None => Ok(None),
        }
    }

    fn take(&mut self, updates: &[Update]) -> Result<Data, String> {
        let is_first = self.last.is_empty();
        if updates.iter().any(|update| update.moment() != updates[0].moment()) {
            return Err("the results are not of one moment".to_owned());
        }
        let mut results = Vec::new();
        for (query, update) in updates.iter().enumerate() {
            let (diff, rows) = (update.diff(), update.len());
            let (before, moment) = self.last.get(query).map_or((0, 0), |it| (it.rows, it.moment));
            check_diff(&diff, before, rows, is_first)?;
            if update.moment() < moment {
                return Err(format!("moment {} came after {moment}", update.moment()));
            }
            let rows: Vec<Row> = update.iter().collect();
            let diff = [
                ("added", positions(&diff.added)),
                ("removed", positions(&diff.removed)),
                ("updated", positions(&diff.updated)),
            ];
            results.push((Data::from(rows), diff));
        }
        let last = |it: &Update| Last { rows: it.len(), moment: it.moment() };
        self.last = updates.iter().map(last).collect();
        if let Some(Live::One(_)) = self.live {
            let (rows, diff) = results.pop().ok_or("a watch of one query has no result")?;
            return Ok(Data::Update { rows: Box::new(rows), diff: diff.into() });
        }
        let result = |(rows, diff): (Data, [(&str, Data); 3])| {
            let diff = diff.into_iter().map(|(name, positions)| (name.to_owned(), positions));
            Data::Map(std::iter::once(("rows".to_owned(), rows)).chain(diff).collect())
        };
        Ok(Data::List(results.into_iter().map(result).collect()))
    }
}

/// Checks that a difference fits two results with this many rows.
fn check_diff(diff: &Diff, before: usize, now: usize, is_first: bool) -> Result<(), String> {
    let Diff { added, removed, updated } = diff;
    let fits = |positions: &[usize], rows: usize| {
        positions.is_sorted_by(|a, b| a < b) && positions.iter().all(|position| *position < rows)
    };
    let whole = !is_first || (added.len() == now && removed.is_empty() && updated.is_empty());
    let counts = now + removed.len() == before + added.len();
    let once = !updated.iter().any(|position| added.contains(position));
    if fits(added, now) && fits(removed, before) && fits(updated, now) && whole && counts && once {
        return Ok(());
    }
    Err(format!("{diff:?} does not lead from {before} rows to {now}"))
}

fn positions(positions: &[usize]) -> Data {
    Data::List(positions.iter().map(|position| Data::from(*position as u64)).collect())
}
