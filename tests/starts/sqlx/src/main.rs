//! Eight processes open a new database at the same time, and each runs the same 12 migrations by
//! sqlx's migrator: `cargo run --release -- ROUNDS`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool};

const PROCESSES: usize = 8;
const MIGRATIONS: i64 = 12;

/// Each says that it ran.
fn write_migrations(folder: &Path) {
    for number in 1..=MIGRATIONS {
        let ran = if number == 1 { "CREATE TABLE ran (number INTEGER NOT NULL);\n" } else { "" };
        let text =
            format!("{ran}CREATE TABLE t{number} (x);\nINSERT INTO ran VALUES ({number});\n");
        std::fs::write(folder.join(format!("{number:04}_step.sql")), text).unwrap();
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // As long as a program would ever wait.
        .busy_timeout(Duration::from_secs(60))
}

async fn migrate(folder: &Path, path: &Path) -> Result<(), String> {
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let migrator = Migrator::new(folder).await.map_err(|error| words(&error))?;
    let pool = SqlitePool::connect_with(options(path)).await.map_err(|error| words(&error))?;
    let done = migrator.run(&pool).await.map_err(|error| words(&error));
    pool.close().await;
    done
}

/// Migrates each file that it is told of, and says how that ended.
async fn child(folder: &Path) {
    println!("ready");
    for path in std::io::stdin().lines().map_while(Result::ok) {
        match migrate(folder, Path::new(&path)).await {
            Ok(()) => println!("ok"),
            Err(error) => println!("{}", error.replace('\n', " ")),
        }
    }
}

struct Other(Child, ChildStdin, BufReader<ChildStdout>);

impl Other {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("child").arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let to = child.stdin.take().unwrap();
        let from = BufReader::new(child.stdout.take().unwrap());
        let mut it = Self(child, to, from);
        assert_eq!(it.hear(), "ready");
        it
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.2.read_line(&mut line).unwrap(), 0, "the other process has ended");
        line.trim_end().to_owned()
    }
}

/// Whether each migration ran once.
async fn once_each(path: &Path) -> bool {
    let pool = SqlitePool::connect_with(options(path)).await.unwrap();
    let ran: Result<(i64, i64), _> =
        sqlx::query_as("SELECT count(*), count(DISTINCT number) FROM ran").fetch_one(&pool).await;
    pool.close().await;
    ran.is_ok_and(|ran| ran == (MIGRATIONS, MIGRATIONS))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|it| it == "child") {
        return child(&PathBuf::from(&arguments[1])).await;
    }
    let rounds: u32 = arguments.first().map_or(200, |it| it.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let migrations = folder.path().join("migrations");
    std::fs::create_dir(&migrations).unwrap();
    write_migrations(&migrations);
    let mut others: Vec<_> = (0..PROCESSES).map(|_| Other::start(&migrations)).collect();
    let (mut failed, mut bad_rounds, mut wrong) = (0, 0, 0);
    let mut kinds = std::collections::BTreeMap::<String, u32>::new();
    for round in 0..rounds {
        let path = folder.path().join(format!("round-{round}.db"));
        for other in &mut others {
            writeln!(other.1, "{}", path.display()).unwrap();
        }
        let told: Vec<_> = others.iter_mut().map(Other::hear).collect();
        let errors: Vec<_> = told.into_iter().filter(|it| it != "ok").collect();
        failed += errors.len();
        bad_rounds += u32::from(!errors.is_empty());
        errors.into_iter().for_each(|error| *kinds.entry(error).or_default() += 1);
        wrong += u32::from(!once_each(&path).await);
    }
    for Other(mut child, to, _) in others {
        drop(to);
        child.wait().unwrap();
    }
    println!(
        "sqlx: {PROCESSES} processes × {rounds} first starts: {failed} errors in {bad_rounds} of the \
         rounds; in {wrong} not every migration ran once"
    );
    kinds.into_iter().for_each(|(error, times)| println!("  {times} × {error}"));
}
