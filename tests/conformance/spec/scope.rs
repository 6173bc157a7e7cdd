//! The steps of a scenario, and the handles that are held while they run.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use serde_json::{Map, Value as Json};
use ubiqlite::{Error, Snapshot};

use super::call::Call;
use super::check::{Outcome, THROWN, check};
use super::data::{Data, Names};
use super::handles;
use super::world::World;

pub(crate) type Boxed<'f, T> = Pin<Box<dyn Future<Output = T> + 'f>>;

/// The reason why steps end early.
#[derive(Debug)]
pub(crate) enum Exit {
    /// The scenario does not hold, or is malformed.
    Failure(String),
    /// An error leaves the block of a transaction or savepoint, as it should.
    Escape(Error),
}

impl From<String> for Exit {
    fn from(failure: String) -> Self {
        Self::Failure(failure)
    }
}

/// A handle that takes calls. It lives on the stack of the call that made it.
pub(crate) trait Target {
    /// Makes the call; `rest` is for the steps inside it.
    fn call<'c>(
        &'c mut self,
        call: &'c Call<'c>,
        rest: Scope<'c>,
    ) -> Boxed<'c, Result<Outcome, Exit>>;
}

/// A handle that steps can name.
pub(crate) enum Frame<'f> {
    Own(&'f mut (dyn Target + 'f)),
    /// May be used by several steps at once.
    Snapshot(&'f Snapshot),
}

impl Frame<'_> {
    fn again(&mut self) -> Frame<'_> {
        match self {
            Self::Own(target) => Frame::Own(&mut **target),
            Self::Snapshot(snapshot) => Frame::Snapshot(snapshot),
        }
    }
}

/// What steps can see: databases, named values, named handles.
pub(crate) struct Scope<'f> {
    pub(crate) world: &'f World,
    pub(crate) names: Names,
    pub(crate) frames: Vec<(String, Frame<'f>)>,
}

impl Scope<'_> {
    /// Runs the steps with one more handle.
    pub(crate) async fn with<'s>(
        &'s mut self,
        name: &str,
        frame: Frame<'s>,
        steps: &[Json],
    ) -> Result<(), Exit> {
        let mut frames: Vec<_> =
            self.frames.iter_mut().map(|(name, frame)| (name.clone(), frame.again())).collect();
        frames.push((name.to_owned(), frame));
        Scope { world: self.world, names: self.names.clone(), frames }.run(steps).await
    }

    /// Runs the steps one after another.
    pub(crate) async fn run(&mut self, steps: &[Json]) -> Result<(), Exit> {
        for (index, step) in steps.iter().enumerate() {
            self.step(step).await.map_err(|exit| match exit {
                Exit::Failure(failure) => {
                    Exit::Failure(format!("step {} {}\n    {failure}", index + 1, shortened(step)))
                }
                escape => escape,
            })?;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Json) -> Result<(), Exit> {
        let fields = step.as_object().ok_or_else(|| format!("{step} is no step"))?;
        if let Some(method) = fields.get("call") {
            let method = method.as_str().ok_or_else(|| format!("{method} is no method"))?;
            return self.call(method, fields).await;
        }
        if let Some(file) = fields.get("make") {
            let file = Data::read(file, &self.names)?;
            return Ok(self.world.make(file.text()?, fields)?);
        }
        if let Some(children) = fields.get("together").and_then(Json::as_array) {
            let times = fields.get("times").and_then(Json::as_u64).unwrap_or(1);
            return self.together(children, times).await;
        }
        if let Some(pause) = fields.get("pause").and_then(Json::as_u64) {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            return Ok(());
        }
        if let Some(words) = fields.get("throw").and_then(Json::as_str) {
            return Err(Exit::Escape(Error::new(THROWN, words)));
        }
        Err(Exit::Failure(format!("{step} is no step")))
    }

    async fn call(&mut self, method: &str, step: &Map<String, Json>) -> Result<(), Exit> {
        let names = self.names.clone();
        let call = Call { method, step, names: &names };
        let Some(patience) = call.millis("cancel")? else {
            let outcome = self.dispatch(&call).await?;
            return self.settle(&call, outcome);
        };
        match tokio::time::timeout(patience, self.dispatch(&call)).await {
            Err(_given_up) => Ok(()),
            Ok(outcome) => {
                Err(Exit::Failure(format!("ended before it was given up: {:?}", outcome?)))
            }
        }
    }

    /// Checks the result of a call, and keeps it if it has a name.
    fn settle(&mut self, call: &Call<'_>, outcome: Outcome) -> Result<(), Exit> {
        if call.json("escapes").is_some() {
            return Err(match outcome {
                Err(error) => Exit::Escape(error),
                Ok(found) => Exit::Failure(format!("expected an error, found {found}")),
            });
        }
        check(call, &outcome)?;
        if let (Ok(found), false) = (outcome, call.name().is_empty()) {
            self.names.insert(call.name().to_owned(), found);
        }
        Ok(())
    }

    /// Makes a call on the handle that it names, or on a database.
    fn dispatch<'s>(&'s mut self, call: &'s Call<'s>) -> Boxed<'s, Result<Outcome, Exit>> {
        let mut own = None;
        let mut frames = Vec::new();
        // The innermost handle with this name; the others stay for the inner steps.
        for (name, frame) in self.frames.iter_mut().rev() {
            if own.is_none() && name == call.on() {
                own = Some(frame.again());
            } else {
                frames.push((name.clone(), frame.again()));
            }
        }
        frames.reverse();
        let rest = Scope { world: self.world, names: self.names.clone(), frames };
        match own {
            Some(Frame::Own(target)) => target.call(call, rest),
            Some(Frame::Snapshot(snapshot)) => {
                Box::pin(async move { handles::on_snapshot(snapshot, call, rest).await })
            }
            None => Box::pin(rest.world.call(call, rest)),
        }
    }

    /// Runs the children concurrently; all of them start before any is awaited.
    async fn together(&mut self, children: &[Json], times: u64) -> Result<(), Exit> {
        let (world, names) = (self.world, &self.names);
        let mut running: Vec<Option<Boxed<'_, Result<(), Exit>>>> = Vec::new();
        let shared: Vec<(&str, &Snapshot)> = self
            .frames
            .iter()
            .filter_map(|(name, frame)| match frame {
                Frame::Snapshot(snapshot) => Some((name.as_str(), *snapshot)),
                Frame::Own(_) => None,
            })
            .collect();
        for child in (0..times).flat_map(|_| children) {
            let steps = match child {
                Json::Array(steps) => steps.as_slice(),
                step => std::slice::from_ref(step),
            };
            let frames = shared
                .iter()
                .map(|(name, snapshot)| ((*name).to_owned(), Frame::Snapshot(snapshot)));
            let mut scope = Scope { world, names: names.clone(), frames: frames.collect() };
            running.push(Some(Box::pin(async move { scope.run(steps).await })));
        }
        let mut first = None;
        poll_fn(|cx| {
            for slot in &mut running {
                let Some(task) = slot else { continue };
                if let Poll::Ready(ended) = task.as_mut().poll(cx) {
                    *slot = None;
                    if let (Err(exit), None) = (ended, &first) {
                        first = Some(exit);
                    }
                }
            }
            if running.iter().all(Option::is_none) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        match first {
            None => Ok(()),
            Some(Exit::Escape(error)) => {
                Err(Exit::Failure(format!("an error left steps that run together: {error:?}")))
            }
            Some(failure) => Err(failure),
        }
    }
}

fn shortened(step: &Json) -> String {
    let text = step.to_string();
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
