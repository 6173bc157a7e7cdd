//! Helpers that these tests share: fresh files, connections from outside, and other
//! processes, which are this same test program started again.

use std::future::Future;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use ubiqlite::{Database, Options};

/// Makes a directory for one test, with a path for a database in it.
pub(crate) fn fresh() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.db");
    (dir, path)
}

/// Opens a database in its own directory, and runs the script on it.
pub(crate) async fn with(options: Options, script: &str) -> (tempfile::TempDir, PathBuf, Database) {
    let (dir, path) = fresh();
    let db = options.open(&path).await.unwrap();
    db.batch(script).await.unwrap();
    (dir, path, db)
}

/// Opens a connection that knows nothing of this library.
pub(crate) fn outside(path: &Path) -> rusqlite::Connection {
    let outside = rusqlite::Connection::open(path).unwrap();
    outside.busy_timeout(Duration::from_secs(5)).unwrap();
    outside
}

/// Reads one integer from outside.
pub(crate) fn ask(outside: &rusqlite::Connection, sql: &str) -> i64 {
    outside.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Returns the size of the write-ahead log.
pub(crate) fn log_size(path: &Path) -> u64 {
    let log = PathBuf::from(format!("{}-wal", path.display()));
    std::fs::metadata(log).map_or(0, |data| data.len())
}

/// Returns the result of a call if its first poll has it, that is, without another thread.
pub(crate) fn at_once<T>(call: impl Future<Output = T>) -> Option<T> {
    let mut call = std::pin::pin!(call);
    match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

/// Calls `held` repeatedly until it returns true, or `limit` has passed.
pub(crate) fn eventually(limit: Duration, mut held: impl FnMut() -> bool) -> bool {
    let since = Instant::now();
    while !held() {
        if since.elapsed() > limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

const ROLE: &str = "UBIQLITE_TEST_ROLE";
const FILE: &str = "UBIQLITE_TEST_FILE";
const READY: &str = "the other process is ready";

/// Another process, which runs one test of this program in a role.
pub(crate) struct Other {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Other {
    /// Starts it, and waits until it calls [`ready`].
    pub(crate) fn start(test: &str, role: &str, file: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(FILE, file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let to = child.stdin.take().unwrap();
        let mut from = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while line.trim_end() != READY {
            line.clear();
            assert_ne!(from.read_line(&mut line).unwrap(), 0, "the other process ended early");
        }
        Self { child, to, from }
    }

    /// Sends a number down the pipe.
    pub(crate) fn send(&mut self, number: u64) {
        self.to.write_all(&number.to_le_bytes()).unwrap();
    }

    /// Waits for a number from the pipe.
    pub(crate) fn receive(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.from.read_exact(&mut bytes).unwrap();
        u64::from_le_bytes(bytes)
    }

    /// Waits for its end, and checks that it succeeded.
    pub(crate) fn finish(self) {
        let Self { mut child, to, mut from } = self;
        drop(to);
        let mut rest = Vec::new();
        from.read_to_end(&mut rest).unwrap();
        let status = child.wait().unwrap();
        assert!(status.success(), "{status}: {}", String::from_utf8_lossy(&rest));
    }

    /// Kills it, as a power failure would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Returns the role and the file, if this process was started by [`Other::start`].
pub(crate) fn role() -> Option<(String, PathBuf)> {
    Some((std::env::var(ROLE).ok()?, PathBuf::from(std::env::var_os(FILE)?)))
}

/// Signals the first process that the following bytes on the pipe are for it.
pub(crate) fn ready() {
    let mut out = std::io::stdout().lock();
    write!(out, "\n{READY}\n").unwrap();
    out.flush().unwrap();
}

/// Sends a number to the first process.
pub(crate) fn tell(number: u64) {
    let mut out = std::io::stdout().lock();
    out.write_all(&number.to_le_bytes()).unwrap();
    out.flush().unwrap();
}

/// Waits for a number from the first process, or returns `None` when that has ended.
pub(crate) fn hear() -> Option<u64> {
    let mut bytes = [0; 8];
    std::io::stdin().lock().read_exact(&mut bytes).ok()?;
    Some(u64::from_le_bytes(bytes))
}
