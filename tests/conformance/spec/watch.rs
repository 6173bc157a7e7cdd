//! The results of a watch.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use ubiqlite::{Diff, Error, Row, Update, Watch};

use super::call::Call;
use super::check::Outcome;
use super::data::Data;
use super::scope::{Exit, Scope};

/// A watch, and what it returned last.
pub(crate) struct Watching {
    live: Option<Watch>,
    /// Where a watch can't even begin, other languages tell the one who reads it.
    refused: Option<Error>,
    rows: usize,
    moment: u64,
    is_first: bool,
}

impl Watching {
    pub(crate) fn new(live: ubiqlite::Result<Watch>) -> Self {
        let (live, refused) = match live {
            Ok(live) => (Some(live), None),
            Err(error) => (None, Some(error)),
        };
        Self { live, refused, rows: 0, moment: 0, is_first: true }
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
            Ok(Some(update)) => Ok(self.take(&update)?),
            Ok(None) => Ok(Data::Null),
            Err(error) => Err(error),
        })
    }

    async fn read(&mut self) -> ubiqlite::Result<Option<Update>> {
        if let Some(error) = self.refused.take() {
            return Err(error);
        }
        match &mut self.live {
            Some(live) => live.try_next().await,
            None => Ok(None),
        }
    }

    fn take(&mut self, update: &Update) -> Result<Data, String> {
        let (diff, rows) = (update.diff(), update.len());
        check_diff(&diff, self.rows, rows, self.is_first)?;
        if update.moment() < self.moment {
            return Err(format!("moment {} came after {}", update.moment(), self.moment));
        }
        (self.rows, self.moment, self.is_first) = (rows, update.moment(), false);
        let rows: Vec<Row> = update.iter().collect();
        Ok(Data::Update {
            rows: Box::new(rows.into()),
            diff: vec![
                ("added", positions(&diff.added)),
                ("removed", positions(&diff.removed)),
                ("updated", positions(&diff.updated)),
            ],
        })
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
