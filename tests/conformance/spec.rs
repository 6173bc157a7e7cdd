//! Runs the scenarios of `tests/spec` on the threaded backend, and reports each result
//! separately. Words on the command line select the scenarios that have one of them in
//! `subject: name`; arguments that begin with a dash are for other test harnesses.

#[path = "spec/call.rs"]
mod call;
#[path = "spec/check.rs"]
mod check;
#[path = "spec/data.rs"]
mod data;
#[path = "spec/files.rs"]
mod files;
#[path = "spec/handles.rs"]
mod handles;
#[path = "spec/migrate.rs"]
mod migrate;
#[path = "spec/replicate.rs"]
mod replicate;
#[path = "spec/rules.rs"]
mod rules;
#[path = "spec/scope.rs"]
mod scope;
#[path = "spec/sync.rs"]
mod sync;
#[path = "spec/table.rs"]
mod table;
#[path = "spec/watch.rs"]
mod watch;
#[path = "spec/world.rs"]
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use files::Scenario;
use scope::{Exit, Scope};
use world::World;

/// The needs that do not apply to Rust.
const NOT_HERE: &[(&str, &str)] = &[
    ("utf16_text", "a Rust text is UTF-8 and holds no lone surrogate"),
    ("big_integers", "no Rust value for a parameter holds more than 64 bits"),
    ("shared_handles", "borrows forbid the use of a handle while one begun from it is open"),
];

/// The needs that one thread can't meet: no future can be dropped while it runs. Bindings
/// signal through shared memory, or start another worker.
const NOT_SINGLE_THREAD: &[(&str, &str)] = &[
    ("interrupts", "on the backend without threads a running call can't be dropped"),
    ("replicas", "a replica has a thread of its own"),
];

/// Whether the backend without threads is tested instead of the native one.
fn is_single_thread() -> bool {
    std::env::var_os("UBIQLITE_BACKEND").is_some_and(|name| name == "single-thread")
}

/// Several, so that waiting costs nothing, but few, so that time limits hold.
const WORKERS: usize = 4;

/// The time limit of a scenario.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec");
    let scenarios = match files::read(&folder) {
        Ok(scenarios) => scenarios,
        Err(error) => {
            println!("FAILED {error}");
            return ExitCode::FAILURE;
        }
    };
    if std::env::args().any(|word| word == "--list") {
        scenarios.iter().for_each(|scenario| println!("{}: test", title(scenario)));
        return ExitCode::SUCCESS;
    }
    let mut failures = Vec::new();
    if let Err(error) = rules::check(&scenarios) {
        failures.push(format!("the files keep to their rules\n    {error}"));
    }
    let chosen: Vec<&Scenario> = scenarios
        .iter()
        .filter(|scenario| {
            words.is_empty() || words.iter().any(|word| title(scenario).contains(word))
        })
        .collect();
    let started = Instant::now();
    let (mut held, mut skipped) = (0, Vec::new());
    for (scenario, ending) in run_all(&chosen) {
        let title = title(scenario);
        match ending {
            Ending::Held => {
                held += 1;
                println!("ok      {title}");
            }
            Ending::Skipped(reason) => {
                println!("skipped {title}: {reason}");
                skipped.push(title);
            }
            Ending::Failed(failure) => {
                println!("FAILED  {title}");
                failures.push(format!("{title}\n    {failure}"));
            }
        }
    }
    for failure in &failures {
        println!("\nFAILED  {failure}");
    }
    println!(
        "\n{} scenarios: {held} hold, {} failed, {} skipped, in {:.1} s",
        chosen.len(),
        failures.len(),
        skipped.len(),
        started.elapsed().as_secs_f64()
    );
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn title(scenario: &Scenario) -> String {
    format!("{}: {}", scenario.subject, scenario.name)
}

enum Ending {
    Held,
    Skipped(&'static str),
    Failed(String),
}

/// Runs the scenarios, and returns how each ended, in their order.
fn run_all<'a>(scenarios: &[&'a Scenario]) -> Vec<(&'a Scenario, Ending)> {
    let next = AtomicUsize::new(0);
    let (report, reports) = mpsc::channel();
    let mut endings: Vec<Option<Ending>> = scenarios.iter().map(|_| None).collect();
    std::thread::scope(|threads| {
        for _ in 0..WORKERS {
            let (next, report) = (&next, report.clone());
            threads.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(scenario) = scenarios.get(index) else { return };
                    let ending = catch_unwind(AssertUnwindSafe(|| run(scenario)))
                        .unwrap_or_else(|_| Ending::Failed("a panic, see above".to_owned()));
                    if report.send((index, ending)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(report);
        loop {
            match reports.recv_timeout(PATIENCE * 2) {
                Ok((index, ending)) => endings[index] = Some(ending),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                // A thread that is stuck inside a call would keep this process alive
                // for ever, without a message.
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let begun = next.load(Ordering::Relaxed);
                    for (scenario, _) in scenarios
                        .iter()
                        .zip(&endings)
                        .take(begun)
                        .filter(|(_, ending)| ending.is_none())
                    {
                        println!("FAILED  {}\n    its thread is stuck", title(scenario));
                    }
                    std::process::exit(1);
                }
            }
        }
    });
    let missing = || Ending::Failed("its thread ended before it".to_owned());
    let endings = endings.into_iter().map(|ending| ending.unwrap_or_else(missing));
    scenarios.iter().copied().zip(endings).collect()
}

fn run(scenario: &Scenario) -> Ending {
    let single_thread = if is_single_thread() { NOT_SINGLE_THREAD } else { &[] };
    if let Some((_, reason)) = NOT_HERE
        .iter()
        .chain(single_thread)
        .find(|(need, _)| scenario.needs.iter().any(|needed| needed == need))
    {
        return Ending::Skipped(reason);
    }
    match run_in_a_directory(scenario) {
        Ok(()) => Ending::Held,
        Err(failure) => Ending::Failed(failure),
    }
}

fn run_in_a_directory(scenario: &Scenario) -> Result<(), String> {
    let dir = tempfile::tempdir().map_err(|error| format!("no directory: {error}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    let world = World::new(dir.path(), is_single_thread());
    let whole = async {
        world.prepare(scenario.open.as_ref(), &scenario.setup).await?;
        let mut scope = Scope { world: &world, names: data::Names::new(), frames: Vec::new() };
        match scope.run(&scenario.steps).await {
            Ok(()) => world.close().await,
            Err(Exit::Failure(failure)) => Err(failure),
            Err(Exit::Escape(error)) => Err(format!("an error left the scenario: {error:?}")),
        }
    };
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, whole)
            .await
            .unwrap_or_else(|_| Err(format!("took longer than {PATIENCE:?}")))
    })
}
