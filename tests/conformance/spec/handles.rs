//! Calls on everything that takes calls, written once with macros, because the library's
//! types share methods but no trait.

use ubiqlite::{
    Damage, DamageKind, Database, Error, Row, RowStream, Savepoint, Session, Snapshot, Stats,
    Transaction, Value,
};

use super::call::Call;
use super::check::{Outcome, THROWN};
use super::data::Data;
use super::migrate;
use super::replicate::{self, Following};
use super::scope::{Boxed, Exit, Frame, Scope, Target};
use super::sync::{self, Sending};
use super::table::{self, Answer};
use super::watch::Watching;

/// Makes a call that every handle takes. `$others` are the arms of calls that only this
/// handle takes.
macro_rules! common {
    ($on:ident, $call:ident, $rest:ident, {$($others:tt)*}) => {{
        if $call.json("table").is_some() {
            let name = $call.text("table")?;
            return match table::call($on.table(&name), $call).await? {
                Answer::Outcome(outcome) => Ok(outcome),
                Answer::Stream(rows) => stream(rows, $call, $rest).await,
                Answer::Watch(live) => watch(Watching::new(live), $call, $rest).await,
            };
        }
        Ok(match $call.method {
            "query" => $on.query::<Row>(&$call.sql()?, $call.params()?).await.map(Data::from),
            "query_one" => {
                $on.query_one::<Row>(&$call.sql()?, $call.params()?).await.map(Data::from)
            }
            "query_optional" => {
                $on.query_optional::<Row>(&$call.sql()?, $call.params()?).await.map(Data::from)
            }
            "query_value" => {
                $on.query_value::<Value>(&$call.sql()?, $call.params()?).await.map(Data::from)
            }
            "stream" => return stream($on.stream(&$call.sql()?, $call.params()?), $call, $rest).await,
            $($others)*
            other => {
                return Err(Exit::Failure(format!("{:?} has no method {other:?}", $call.on())));
            }
        })
    }};
}

/// Makes a call that every handle but a snapshot takes.
macro_rules! common_with_writes {
    ($on:ident, $call:ident, $rest:ident, {$($others:tt)*}) => {
        common!($on, $call, $rest, {
            "execute" => $on.execute(&$call.sql()?, $call.params()?).await.map(Data::from),
            "execute_many" => {
                $on.execute_many(&$call.sql()?, $call.each()?).await.map(Data::from)
            }
            "batch" => $on.batch($call.batch()?).await.map(|done| {
                Data::List(done.into_iter().map(Data::from).collect())
            }),
            $($others)*
        })
    };
}

/// Runs the block form of a transaction or savepoint. An error that leaves the steps leaves
/// the block. A failure of the scenario ends the block, and is returned past it.
macro_rules! block {
    ($on:ident . $method:ident, $target:ident, $call:ident, $rest:ident) => {{
        let (name, steps) = ($call.name(), steps_of($call)?);
        let mut failure = None;
        let outcome = $on
            .$method(async |inner| {
                let mut target = $target(inner);
                match $rest.with(name, Frame::Own(&mut target), steps).await {
                    Ok(()) => Ok(()),
                    Err(Exit::Escape(error)) => Err(error),
                    Err(Exit::Failure(words)) => {
                        failure = Some(words);
                        Err(Error::new(THROWN, "the scenario failed"))
                    }
                }
            })
            .await;
        if let Some(words) = failure {
            return Err(Exit::Failure(words));
        }
        outcome.map(|()| Data::Null)
    }};
}

/// Runs the steps of a call while the handle that it returned is held.
macro_rules! held {
    ($handle:expr, $target:ident $({$wrap:ident})?, $call:ident, $rest:ident) => {
        match $handle.await {
            Ok(handle) => {
                let mut target = $target($($wrap)?(handle));
                $rest.with($call.name(), Frame::Own(&mut target), steps_of($call)?).await?;
                Ok(Data::Null)
            }
            Err(error) => Err(error),
        }
    };
}

pub(crate) async fn on_database(
    db: &Database,
    call: &Call<'_>,
    mut rest: Scope<'_>,
) -> Result<Outcome, Exit> {
    common_with_writes!(db, call, rest, {
        "close" => db.close().await.map(|()| Data::Null),
        "interrupt" => {
            db.interrupt();
            Ok(Data::Null)
        }
        "capabilities" => {
            let known = db.capabilities();
            let named = |name: &str, has| (name.to_owned(), Data::Bool(has));
            Ok(Data::Map(vec![
                named("transactions", known.transactions),
                named("cursors", known.cursors),
                named("snapshots", known.snapshots),
                named("sessions", known.sessions),
                named("watches", known.watches),
                named("changesets", known.changesets),
                named("backups", known.backups),
                named("replicas", known.replicas),
            ]))
        }
        "watch" => {
            let mut live = db.watch(&call.sql()?, call.params()?);
            if call.json("key").is_some() {
                live = call.texts("key")?.into_iter().fold(live, ubiqlite::Watch::key);
            }
            return watch(Watching::new(Ok(live)), call, rest).await;
        }
        "watch_all" => {
            let (statements, keys) = call.queries()?;
            let statements = statements.iter().map(|(sql, params)| (sql.as_str(), params.clone()));
            let mut live = db.watch_all(statements);
            for (query, column) in keys.into_iter().enumerate().flat_map(|(at, key)| key.into_iter().map(move |it| (at, it))) {
                live = live.key(query, column);
            }
            return watch(Watching::all(live), call, rest).await;
        }
        "touch" => {
            db.touch(call.texts("tables")?.iter().map(String::as_str));
            Ok(Data::Null)
        }
        "check" => db.check().await.map(|found| Data::List(found.iter().map(damage).collect())),
        "stats" => db.stats().map(|stats| statistics(&stats)),
        "migrations" => migrate::migrations(db, call).await?,
        "replicate" => {
            let (to, interval) = (rest.world.locate(&call.text("path")?), call.millis("interval")?);
            held!(replicate::replicate(db, &to, interval), Following, call, rest)
        }
        "outbox" => held!(sync::outbox(db, call.texts("tables")?), Sending, call, rest),
        "apply" => sync::applied(db.apply(&sync::changes(call)?, sync::policies(call)?).await),
        "transaction" => block!(db.transaction, InTransaction, call, rest),
        "begin" => held!(db.begin_with(call.begin()?), Begun { Some }, call, rest),
        "acquire" => held!(db.acquire(), OnSession, call, rest),
        "snapshot" => match db.snapshot().await {
            Ok(snapshot) => {
                rest.with(call.name(), Frame::Snapshot(&snapshot), steps_of(call)?).await?;
                Ok(Data::Null)
            }
            Err(error) => Err(error),
        },
    })
}

/// Statistics by the names that all languages have for them; a time may be any number.
fn statistics(stats: &Stats) -> Data {
    let mut all: Vec<(String, Data)> = Vec::new();
    for (name, number) in stats.numbers() {
        let name = name.strip_suffix("_ns").unwrap_or(name);
        let number = number.and_then(|it| i64::try_from(it).ok());
        let number = number.map_or(Data::Null, |it| Value::Integer(it).into());
        match (name.split_once('.'), all.last_mut()) {
            (Some((whole, part)), Some((last, Data::Map(parts)))) if last == whole => {
                parts.push((part.to_owned(), number));
            }
            (Some((whole, part)), _) => {
                all.push((whole.to_owned(), Data::Map(vec![(part.to_owned(), number)])));
            }
            (None, _) => all.push((name.to_owned(), number)),
        }
    }
    Data::Map(all)
}

fn damage(damage: &Damage) -> Data {
    let kind = match damage.kind {
        DamageKind::Content => "content",
        DamageKind::ForeignKey => "foreign_key",
        _ => "another",
    };
    let text = |text: &Option<String>| text.clone().map_or(Data::Null, Data::Text);
    let fields = [
        ("kind", Data::Text(kind.to_owned())),
        ("table", text(&damage.table)),
        ("rowid", damage.rowid.map_or(Data::Null, |rowid| Value::Integer(rowid).into())),
        ("parent", text(&damage.parent)),
        ("message", Data::Text(damage.message.clone())),
    ];
    Data::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

pub(crate) async fn on_snapshot(
    snapshot: &Snapshot,
    call: &Call<'_>,
    rest: Scope<'_>,
) -> Result<Outcome, Exit> {
    common!(snapshot, call, rest, {})
}

async fn on_transaction(
    tx: &mut Transaction<'_>,
    call: &Call<'_>,
    mut rest: Scope<'_>,
) -> Result<Outcome, Exit> {
    common_with_writes!(tx, call, rest, {
        "apply" => sync::applied(tx.apply(&sync::changes(call)?, sync::policies(call)?).await),
        "savepoint" => block!(tx.savepoint, InSavepoint, call, rest),
        "begin_savepoint" => held!(tx.begin_savepoint(), Nested { Some }, call, rest),
    })
}

async fn on_savepoint(
    sp: &mut Savepoint<'_>,
    call: &Call<'_>,
    mut rest: Scope<'_>,
) -> Result<Outcome, Exit> {
    common_with_writes!(sp, call, rest, {
        "savepoint" => block!(sp.savepoint, InSavepoint, call, rest),
        "begin_savepoint" => held!(sp.begin_savepoint(), Nested { Some }, call, rest),
    })
}

async fn on_session(
    session: &mut Session,
    call: &Call<'_>,
    mut rest: Scope<'_>,
) -> Result<Outcome, Exit> {
    common_with_writes!(session, call, rest, {
        "interrupt" => {
            session.interrupt();
            Ok(Data::Null)
        }
        "transaction" => block!(session.transaction, InTransaction, call, rest),
        "begin" => held!(session.begin_with(call.begin()?), Begun { Some }, call, rest),
    })
}

/// Reads a stream to its end, or holds it for the steps of the call.
async fn stream(
    mut rows: RowStream<'_>,
    call: &Call<'_>,
    mut rest: Scope<'_>,
) -> Result<Outcome, Exit> {
    if let Some(steps) = call.steps() {
        let mut target = Streaming(rows);
        rest.with(call.name(), Frame::Own(&mut target), steps).await?;
        return Ok(Ok(Data::Null));
    }
    let mut all = Vec::new();
    loop {
        match rows.try_next().await {
            Ok(Some(row)) => all.push(Data::from(row)),
            Ok(None) => return Ok(Ok(Data::List(all))),
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// Holds a watch for the steps of the call.
async fn watch(mut live: Watching, call: &Call<'_>, mut rest: Scope<'_>) -> Result<Outcome, Exit> {
    rest.with(call.name(), Frame::Own(&mut live), steps_of(call)?).await?;
    Ok(Ok(Data::Null))
}

fn steps_of<'a>(call: &Call<'a>) -> Result<&'a [serde_json::Value], String> {
    call.steps().ok_or_else(|| format!("{} wants \"steps\"", call.method))
}

struct InTransaction<'a, 't>(&'a mut Transaction<'t>);
struct InSavepoint<'a, 's>(&'a mut Savepoint<'s>);
struct Begun<'t>(Option<Transaction<'t>>);
struct Nested<'s>(Option<Savepoint<'s>>);
struct OnSession(Session);
struct Streaming<'r>(RowStream<'r>);

/// Names the function that takes a handle's calls.
macro_rules! target {
    ([$($generics:tt)*] $type:ty, |$this:ident, $call:ident, $rest:ident| $body:expr) => {
        impl<$($generics)*> Target for $type {
            fn call<'c>(
                &'c mut self,
                $call: &'c Call<'c>,
                $rest: Scope<'c>,
            ) -> Boxed<'c, Result<Outcome, Exit>> {
                let $this = self;
                Box::pin(async move { $body })
            }
        }
    };
}

target!(['a, 't] InTransaction<'a, 't>, |this, call, rest| on_transaction(this.0, call, rest).await);
target!(['a, 's] InSavepoint<'a, 's>, |this, call, rest| on_savepoint(this.0, call, rest).await);
target!([] OnSession, |this, call, rest| on_session(&mut this.0, call, rest).await);
target!(['t] Begun<'t>, |this, call, rest| {
    let ended = match (call.method, this.0.take()) {
        (_, None) => return Err(Exit::Failure("the transaction is over".to_owned())),
        ("commit", Some(tx)) => tx.commit().await,
        ("rollback", Some(tx)) => tx.rollback().await,
        (_, Some(tx)) => return on_transaction(this.0.insert(tx), call, rest).await,
    };
    Ok(ended.map(|()| Data::Null))
});
target!(['s] Nested<'s>, |this, call, rest| {
    let ended = match (call.method, this.0.take()) {
        (_, None) => return Err(Exit::Failure("the savepoint is over".to_owned())),
        ("release", Some(sp)) => sp.release().await,
        ("rollback", Some(sp)) => sp.rollback().await,
        (_, Some(sp)) => return on_savepoint(this.0.insert(sp), call, rest).await,
    };
    Ok(ended.map(|()| Data::Null))
});
target!([] Watching, |this, call, rest| match call.method {
    "next" => this.next(call, rest).await,
    other => Err(Exit::Failure(format!("a watch has no method {other:?}"))),
});
target!([] Sending, |this, call, rest| this.call(call, rest).await);
target!([] Following, |this, call, _rest| this.ask(call).await);
target!(['r] Streaming<'r>, |this, call, _rest| match call.method {
    "next" => Ok(this.0.try_next().await.map(Data::from)),
    other => Err(Exit::Failure(format!("a stream has no method {other:?}"))),
});
