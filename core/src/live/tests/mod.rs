//! Watches of one task each, whose queries' replies become ready before their wakers are called: a
//! thread may pause between the two. Whoever waits for something new is woken for it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::{Delivery, Hub, WatchId, Watched};
use crate::backend::{Backend, Capabilities, Reply};
use crate::changes::Observation;
use crate::engine::{Connection, Role};
use crate::error::Result;
use crate::options::Options;
use crate::program::{Output, PageSink, Program};
use crate::sql::Params;
use crate::value::ValueRef;

const QUERIES: [&str; 3] = ["SELECT v FROM t", "SELECT v + 1000 FROM t", "SELECT v + 1000 FROM u"];

/// A reply, and the task to wake once it is ready.
#[derive(Default)]
struct Slot {
    output: Option<Result<Output>>,
    ready: bool,
    task: Option<Waker>,
}

struct LaterReply(Arc<Mutex<Slot>>);

impl Future for LaterReply {
    type Output = Result<Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut slot = self.0.lock().unwrap();
        if slot.ready {
            return Poll::Ready(slot.output.take().unwrap());
        }
        slot.task = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// Runs at once, and replies when it is told to.
struct Delayed {
    connection: Mutex<Connection>,
    under_way: Mutex<Vec<Arc<Mutex<Slot>>>>,
    random: Mutex<Rng>,
}

impl Backend for Delayed {
    fn capabilities(&self) -> Capabilities {
        unreachable!("a hub runs programs only")
    }

    fn interrupt(&self) {}

    fn close(&self) -> Reply<()> {
        Reply::ready(Ok(()))
    }

    fn run(&self, program: Program<'_>, _sink: Option<&dyn PageSink>) -> Reply<Output> {
        let output = self.connection.lock().unwrap().run_whole(&program);
        if self.random.lock().unwrap().u8(0..4) == 0 {
            return Reply::ready(output);
        }
        let slot = Arc::new(Mutex::new(Slot { output: Some(output), ..Slot::default() }));
        self.under_way.lock().unwrap().push(Arc::clone(&slot));
        Reply::later(Box::pin(LaterReply(slot)))
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

struct Task {
    id: WatchId,
    queries: Vec<usize>,
    woken: Arc<Woken>,
    got: Option<Vec<i64>>,
}

struct World {
    hub: Arc<Hub>,
    backend: Delayed,
    tasks: Vec<Task>,
    /// Wakers that a thread is about to call.
    late: Vec<Waker>,
    truth: [i64; 2],
    _observation: Arc<Observation>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut connection =
            Connection::open(Path::new(":memory:"), &Options::default(), Role::Writer).unwrap();
        for sql in ["CREATE TABLE t (v)", "CREATE TABLE u (v)"] {
            connection.control(sql).unwrap();
        }
        for sql in ["INSERT INTO t VALUES (0)", "INSERT INTO u VALUES (0)"] {
            connection.control(sql).unwrap();
        }
        let observation = Arc::default();
        let backend = Delayed {
            connection: Mutex::new(connection),
            under_way: Mutex::default(),
            random: Mutex::new(Rng::with_seed(seed)),
        };
        let (hub, tasks, late) = (Hub::new(&observation), Vec::new(), Vec::new());
        Self { hub, backend, tasks, late, truth: [0, 0], _observation: observation }
    }

    fn watch(&mut self, queries: Vec<usize>) {
        let watched = |index: &usize| Watched {
            sql: QUERIES[*index].into(),
            params: Params::new(),
            filter: None,
        };
        let id = self.hub.add(queries.iter().map(watched).collect());
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        self.tasks.push(Task { id, queries, woken, got: None });
    }

    fn commit(&mut self, table: usize) {
        self.truth[table] += 1;
        let name = ["t", "u"][table];
        self.backend
            .connection
            .lock()
            .unwrap()
            .control(&format!("UPDATE {name} SET v = v + 1"))
            .unwrap();
        self.hub.touch(&[name]);
    }

    /// A commit that changes nothing that is read.
    fn touch(&self, table: usize) {
        self.hub.touch(&[["t", "u"][table]]);
    }

    fn poll(&mut self, index: usize) {
        let task = &mut self.tasks[index];
        task.woken.0.store(false, Relaxed);
        let waker = Waker::from(Arc::clone(&task.woken));
        match self.hub.poll(task.id, &self.backend, &mut Context::from_waker(&waker)) {
            Poll::Ready(next) => {
                task.got = Some(values(&next.unwrap().unwrap()));
                task.woken.0.store(true, Relaxed);
            }
            Poll::Pending => {}
        }
    }

    /// Makes a reply ready; its waker is called later.
    fn reply(&mut self) {
        let slots = std::mem::take(&mut *self.backend.under_way.lock().unwrap());
        for slot in slots {
            let mut slot = slot.lock().unwrap();
            slot.ready = true;
            self.late.extend(slot.task.take());
        }
    }

    fn run_woken(&mut self) {
        for index in 0..self.tasks.len() {
            while self.tasks[index].woken.0.load(Relaxed) {
                self.poll(index);
            }
        }
    }

    /// Lets everything happen that is under way, and returns the tasks that were forgotten.
    fn settle(&mut self) -> Vec<(Vec<usize>, Option<Vec<i64>>)> {
        let until = Instant::now() + Duration::from_secs(2);
        loop {
            self.run_woken();
            self.reply();
            self.late.drain(..).for_each(Waker::wake);
            self.run_woken();
            let [t, u] = self.truth;
            let values = [t, t + 1000, u + 1000];
            let wants = |task: &Task| task.queries.iter().map(|it| values[*it]).collect::<Vec<_>>();
            let forgotten: Vec<_> = self
                .tasks
                .iter()
                .filter(|task| task.got != Some(wants(task)))
                .map(|task| (task.queries.clone(), task.got.clone()))
                .collect();
            if forgotten.is_empty() || Instant::now() > until {
                return forgotten;
            }
            // For the rest of a query that took longer.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn values(delivery: &Delivery) -> Vec<i64> {
    let value = |rows: &Arc<crate::row::Rows>| match rows.first_value() {
        Some(ValueRef::Integer(value)) => value,
        other => panic!("{other:?}"),
    };
    delivery.results.iter().map(value).collect()
}

fn history(seed: u64) {
    let mut random = Rng::with_seed(seed);
    let mut world = World::new(seed);
    let some = [vec![0], vec![0], vec![0, 1], vec![2], vec![2, 0]];
    for step in 0..random.usize(5..60) {
        match random.u8(0..12) {
            0 if world.tasks.len() < 5 => world.watch(some[random.usize(..some.len())].clone()),
            1 if !world.tasks.is_empty() && random.u8(0..4) == 0 => {
                let task = world.tasks.swap_remove(random.usize(..world.tasks.len()));
                world.hub.remove(task.id);
            }
            2 => world.commit(random.usize(..2)),
            3 => world.touch(random.usize(..2)),
            4..6 => world.reply(),
            6 if !world.late.is_empty() => {
                let waker = world.late.swap_remove(random.usize(..world.late.len()));
                waker.wake();
            }
            7.. if !world.tasks.is_empty() => {
                let index = random.usize(..world.tasks.len());
                // A task may be polled for another reason too.
                if world.tasks[index].woken.0.load(Relaxed) || random.u8(0..4) == 0 {
                    world.poll(index);
                }
            }
            _ => {}
        }
        if random.u8(0..30) == 0 {
            let forgotten = world.settle();
            assert!(forgotten.is_empty(), "seed {seed}, step {step}: {forgotten:?}");
        }
    }
    let forgotten = world.settle();
    assert!(forgotten.is_empty(), "seed {seed}: {forgotten:?} of {:?}", world.truth);
}

#[test]
fn whoever_waits_for_something_new_is_woken() {
    let histories = std::env::var("UBIQLITE_HISTORIES").map_or(2_000, |it| it.parse().unwrap());
    (0..histories).for_each(history);
}
