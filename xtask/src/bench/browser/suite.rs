//! The works, their subjects, and the goals. `tests/bench/js` and `tests/bench/browser` have
//! the code of each work.

use super::super::goals::{Goal, faster, time, time_over_sum, usually_at_most};
use super::super::suite::{Data, Suite, UBIQLITE, Whose, Work, work};

const OFFICIAL: &str = "official";
const OFFICIAL_WAL: &str = "official-wal";
const PGLITE: &str = "pglite";
const FLOOR: &str = "floor";

/// The suite in Chromium.
pub(crate) const SUITE: Suite = Suite {
    name: "browser",
    subjects: &[
        UBIQLITE,
        OFFICIAL,
        OFFICIAL_WAL,
        "sqlocal",
        "wa-sqlite-pool",
        "wa-sqlite-coop",
        PGLITE,
        FLOOR,
    ],
    works: WORKS,
    further: FURTHER,
    goals: GOALS,
};

/// The suite in Firefox, which has no goals.
pub(crate) const FIREFOX: Suite = Suite {
    name: "firefox",
    subjects: &[UBIQLITE, FLOOR],
    works: WORKS,
    further: FURTHER,
    goals: &[],
};

const DATABASES: Whose = Whose::AllBut(&[FLOOR, PGLITE]);
const FLOORS: Whose = Whose::Only(&[FLOOR]);
const OURS: Whose = Whose::Only(&[UBIQLITE]);
/// Those that have live queries.
const LIVE: Whose = Whose::Only(&[UBIQLITE, "sqlocal", PGLITE]);

/// Works that are compared are next to each other.
const WORKS: &[Work] = &[
    work("round_trip", "a message to a worker and back, one at a time", Data::Empty, FLOORS),
    work("work_trip", "the same, of a worker that computes for 4 µs", Data::Empty, FLOORS),
    work("engine_read", "point read in the worker, without messages", Data::Empty, OURS),
    work("point_read", "point read from the page, one at a time", Data::Shared, DATABASES),
    work("round_trip_64", "a message to a worker and back, 64 in flight", Data::Empty, FLOORS),
    work("point_read_64", "point read from the page, 64 in flight", Data::Shared, DATABASES),
    work("flush", "4 KiB written and flushed in OPFS", Data::Empty, FLOORS),
    work(
        "flush_trip",
        "the same in a worker, asked for by message and answered",
        Data::Empty,
        FLOORS,
    ),
    work("insert_1", "durable insert from the page, one at a time", Data::Empty, DATABASES),
    work("insert_64", "durable insert from the page, 64 in flight", Data::Empty, DATABASES),
    work("rows", "all rows as objects in the page, per row", Data::Shared, DATABASES),
    work("open", "from opening to the first row, warm cache", Data::Shared, DATABASES),
    work("live_own", "from a write to the result of a live query", Data::Empty, LIVE),
    work("live_tab", "the same in another tab", Data::Empty, LIVE),
];

const FURTHER: &[(&str, &str)] = &[
    ("live_own_p50", "from the return of a write's call to the result of a live query, p50"),
    ("live_own_p99", "the same, p99"),
    ("live_own_whole_p50", "from before the call, p50"),
    ("live_own_whole_p99", "the same, p99"),
    ("live_tab_p50", "from the return of a write's call to the result in another tab, p50"),
    ("live_tab_p99", "the same, p99"),
    ("live_tab_whole_p50", "from before the call, p50"),
    ("live_tab_whole_p99", "the same, p99"),
];

const GOALS: &[Goal] = &[
    time_over_sum(
        "point_read",
        &[(1.3, ("round_trip", FLOOR)), (1.0, ("engine_read", UBIQLITE))],
        1.0,
    ),
    time("point_read", ("work_trip", FLOOR), 1.3),
    faster("point_read", ("point_read", OFFICIAL), 1.0),
    faster("point_read", ("point_read", OFFICIAL_WAL), 1.0),
    faster("point_read_64", ("point_read_64", OFFICIAL), 4.0),
    faster("point_read_64", ("point_read_64", OFFICIAL_WAL), 4.0),
    time("insert_1", ("flush", FLOOR), 1.15),
    time("insert_1", ("flush_trip", FLOOR), 1.15),
    faster("insert_64", ("flush", FLOOR), 15.0),
    faster("rows", ("rows", OFFICIAL), 3.0),
    faster("rows", ("rows", OFFICIAL_WAL), 3.0),
    usually_at_most("open", 150.0),
    usually_at_most("live_tab_p50", 250.0),
];
