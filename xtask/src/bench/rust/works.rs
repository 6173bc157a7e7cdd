//! The works and their subjects. `tests/bench/common` has the code of each work.

use super::super::suite::{Data, UBIQLITE, Whose, Work, work};

pub(crate) const RAW: &str = "raw";

pub(crate) const SUBJECTS: &[&str] =
    &[UBIQLITE, RAW, "async-sqlite", "tokio-rusqlite", "deadpool-sqlite", "sqlx"];

const ASYNC: Whose = Whose::AllBut(&[RAW]);
const OURS_AND_RAW: Whose = Whose::Only(&[UBIQLITE, RAW]);
const OURS: Whose = Whose::Only(&[UBIQLITE]);
const ONLY_RAW: Whose = Whose::Only(&[RAW]);

pub(crate) const WORKS: &[Work] = &[
    work("point_read", "point read, one at a time", Data::Shared, Whose::All),
    Work {
        name: "point_read_pinned",
        run_as: "point_read",
        about: "the same, the process on one core",
        data: Data::Shared,
        whose: Whose::All,
        pinned: true,
    },
    work("point_read_held", "the same inside one transaction", Data::Shared, ONLY_RAW),
    work("point_read_64", "point read, 64 tasks", Data::Shared, ASYNC),
    work("point_read_64_writer", "the same beside 1,000 commits a second", Data::Copy, ASYNC),
    work("insert_1_full", "insert, one task, FULL", Data::Empty, Whose::All),
    work("insert_1_normal", "insert, one task, NORMAL", Data::Empty, Whose::All),
    work("insert_64_full", "insert, 64 tasks, FULL", Data::Empty, ASYNC),
    work("insert_64_normal", "insert, 64 tasks, NORMAL", Data::Empty, ASYNC),
    work("stream_all", "all rows, per row", Data::Shared, Whose::All),
    work("execute_many", "100,000 inserts in a transaction, per row", Data::Empty, Whose::All),
    work("stream_1m", "a million rows, growth of memory", Data::Shared, OURS_AND_RAW),
    work("scan_1", "long scans, 1 reader", Data::Shared, OURS_AND_RAW),
    work("scan_2", "long scans, 2 readers", Data::Shared, OURS_AND_RAW),
    work("scan_4", "long scans, 4 readers", Data::Shared, OURS_AND_RAW),
    work("scan_8", "long scans, 8 readers", Data::Shared, OURS_AND_RAW),
    work("script", "a script of 70,000 INSERTs, per row", Data::Empty, OURS_AND_RAW),
    work("texts", "600 texts of 1 MB, growth of memory", Data::Empty, OURS),
    work("late", "lateness", Data::Copy, OURS),
    work("burst", "after a burst", Data::Shared, OURS),
    work(
        "locks",
        "a point read with locks of file descriptions, over one without",
        Data::Shared,
        OURS,
    ),
    work("idle", "idle", Data::Empty, OURS),
];

pub(crate) const FURTHER: &[(&str, &str)] = &[
    ("point_read_64_writer_commits", "commits that the writer reached"),
    ("late_reads", "another task of the thread beside point reads, late at p99"),
    ("late_count", "the same beside `count(*)` and `sum` of 2,000,000 rows"),
    ("late_cold", "the same beside reads of a file of 400 MB on the disk"),
    ("burst_threads", "threads a minute after 64 streams at once"),
    ("burst_handles", "file handles then"),
    ("burst_memory", "memory then, over that before"),
    ("idle_wakes", "wake-ups in 3 s of an idle open database"),
    ("idle_threads_left", "threads left by 1,000 databases"),
    ("idle_handles_left", "file handles left by 1,000 databases"),
];
