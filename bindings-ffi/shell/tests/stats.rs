//! `.stats`: what the shell has done, and the state of the log.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use support::{answer, run, text};

#[test]
fn stats_are_of_the_shells_own_work_and_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.db");
    let file = file.to_str().unwrap();
    let told = answer([file, "CREATE TABLE items (id)", "BEGIN", ".stats", "COMMIT"]);
    let value = |name: &str| {
        let line = told.lines().find(|line| line.split(' ').next() == Some(name));
        line.unwrap_or_else(|| panic!("no {name}: {told}"))[name.len()..].trim().to_owned()
    };
    assert_eq!((value("commits"), value("page_size")), ("1".to_owned(), "4096".to_owned()));
    assert_ne!(value("log_pages"), "0");
    assert_eq!(value("oldest_reader"), "-", "the transaction has read nothing yet");
    assert!(value("write_waits.longest").ends_with(" ms"), "{told}");
    let refused = run([file, ".stats all"]);
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("usage: .stats"), "{}", text(&refused.stderr));
}
