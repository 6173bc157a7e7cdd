//! What is measured, of whom, and what must be reached. What each work does is
//! written in `tests/bench/js` and `tests/bench/node`.

use super::super::goals::{Goal, at_most, faster, time};
use super::super::suite::{Data, Suite, UBIQLITE, Whose, Work, work};

pub(crate) const BETTER: &str = "better-sqlite3";
const WASM: &str = "node-sqlite3-wasm";

pub(crate) const SUITE: Suite = Suite {
    name: "node",
    subjects: &[UBIQLITE, BETTER, WASM],
    works: WORKS,
    further: &[],
    goals: GOALS,
};

/// Those who answer with promises: only they can have several calls under way.
const ASYNC: Whose = Whose::Only(&[UBIQLITE]);
/// Those who can read while a transaction is open elsewhere.
const BESIDE: Whose = Whose::AllBut(&[WASM]);

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
    work("package", "the npm package, wasm and JavaScript, `gzip -9`", Data::Empty, ASYNC),
];

const GOALS: &[Goal] = &[
    time("point_read_64", ("point_read", BETTER), 2.0),
    time("rows", ("rows", BETTER), 1.2),
    time("execute_many", ("execute_many", BETTER), 1.5),
    faster("execute_many", ("execute_many", WASM), 1.0),
    at_most("package", 450.0),
];
