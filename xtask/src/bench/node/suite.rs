//! The works, their subjects, and the goals. `tests/bench/js` and `tests/bench/node` have the
//! code of each work.

use super::super::goals::{Goal, at_most, ratio, time, usually_at_least, usually_at_most};
use super::super::suite::{Data, Suite, UBIQLITE, Whose, Work, work};

pub(crate) const BETTER: &str = "better-sqlite3";
/// Node's built-in module.
const BUILT_IN: &str = "node-sqlite";
const WASM: &str = "node-sqlite3-wasm";
/// Ours in wasm; `UBIQLITE` is the native engine.
pub(crate) const OURS_IN_WASM: &str = "ubiqlite-wasm";

pub(crate) const SUITE: Suite = Suite {
    name: "node",
    subjects: &[UBIQLITE, OURS_IN_WASM, BETTER, BUILT_IN, WASM],
    works: WORKS,
    further: &[("lateness_stream", "how late a timer is beside a stream of 1,000,000 rows, p99")],
    goals: GOALS,
};

/// The subjects that return promises: only they can have several calls in flight.
const ASYNC: Whose = Whose::Only(&[UBIQLITE, OURS_IN_WASM]);
/// The subjects that can read while a transaction is open elsewhere.
const BESIDE: Whose = Whose::AllBut(&[WASM]);
const NATIVE: Whose = Whose::Only(&[UBIQLITE]);

const WORKS: &[Work] = &[
    work("point_read_mem", "point read in memory, one at a time", Data::Empty, Whose::All),
    work("point_read", "point read on a file, one at a time", Data::Shared, Whose::All),
    work("point_read_64", "point read on a file, 64 in flight", Data::Shared, ASYNC),
    work(
        "point_read_tx",
        "point read beside an open transaction, one at a time",
        Data::Copy,
        BESIDE,
    ),
    work(
        "point_read_64_tx",
        "point read beside an open transaction, 64 in flight",
        Data::Copy,
        ASYNC,
    ),
    work("rows", "all rows as one array of objects, per row", Data::Shared, Whose::All),
    work("stream", "all rows as a stream of objects, per row", Data::Shared, Whose::All),
    work("execute_many", "100,000 inserts in a transaction, per row", Data::Empty, Whose::All),
    work("insert_1_full", "durable insert, one at a time", Data::Empty, Whose::All),
    work("insert_64_full", "durable insert, 64 in flight", Data::Empty, ASYNC),
    work(
        "lateness",
        "how late a timer is beside a scan of 1,000,000 rows, p99",
        Data::Shared,
        ASYNC,
    ),
    work(
        "two_writers",
        "durable inserts of two processes on one file, over those of one",
        Data::Empty,
        NATIVE,
    ),
    work("package", "the npm package, wasm and JavaScript, `gzip -9`", Data::Empty, NATIVE),
];

const GOALS: &[Goal] = &[
    time("point_read", ("point_read", BETTER), 1.0),
    time("point_read_64", ("point_read", BETTER), 0.85),
    time("rows", ("rows", BETTER), 0.5),
    time("stream", ("stream", BETTER), 0.35),
    time("execute_many", ("execute_many", BETTER), 0.8),
    time("insert_64_full", ("insert_1_full", UBIQLITE), 1.0 / 15.0),
    time("insert_1_full", ("insert_1_full", BETTER), 1.15),
    usually_at_most("lateness", 2.0),
    usually_at_least("two_writers", 0.7),
    ratio(("point_read_64", OURS_IN_WASM), ("point_read", BETTER), 2.0),
    ratio(("rows", OURS_IN_WASM), ("rows", BETTER), 1.2),
    ratio(("execute_many", OURS_IN_WASM), ("execute_many", BETTER), 1.5),
    ratio(("execute_many", OURS_IN_WASM), ("execute_many", WASM), 1.0),
    at_most("package", 450.0),
];
