//! The works, their subjects, and the goals. `tests/bench/kotlin` has the code of each
//! work.

use super::super::goals::{Goal, faster, throughput, time};
pub(crate) use super::super::suite::UBIQLITE;
use super::super::suite::{Data, Suite, Whose, Work, work};

const JDBC: &str = "sqlite-jdbc";
const SQLDELIGHT: &str = "sqldelight";

/// SQLDelight runs its statements by sqlite-jdbc, and is here for its flows alone.
const BOTH: Whose = Whose::Only(&[UBIQLITE, JDBC]);
const LIVE: Whose = Whose::Only(&[UBIQLITE, SQLDELIGHT]);

pub(crate) const SUITE: Suite = Suite {
    name: "kotlin",
    subjects: &[UBIQLITE, JDBC, SQLDELIGHT],
    works: WORKS,
    further: FURTHER,
    goals: GOALS,
};

const WORKS: &[Work] = &[
    work(
        "point_read",
        "point read, one at a time; sqlite-jdbc called as it is",
        Data::Shared,
        BOTH,
    ),
    work(
        "point_read_io",
        "the same, each in `withContext(Dispatchers.IO)`",
        Data::Shared,
        Whose::Only(&[JDBC]),
    ),
    work(
        "point_read_64",
        "point read, 64 coroutines; sqlite-jdbc with a pool on `Dispatchers.IO`",
        Data::Shared,
        BOTH,
    ),
    work(
        "point_read_r2dbc",
        "point read by r2dbc-ubiqlite, one at a time",
        Data::Shared,
        Whose::Only(&[UBIQLITE]),
    ),
    work(
        "point_read_64_r2dbc",
        "the same, 64 coroutines, with a connection for each read",
        Data::Shared,
        Whose::Only(&[UBIQLITE]),
    ),
    work("stream", "all rows one after another, per row", Data::Shared, BOTH),
    work("execute_many", "100,000 inserts in a transaction, per row", Data::Empty, BOTH),
    work("insert_1_full", "durable insert, one at a time", Data::Empty, BOTH),
    work("insert_64_full", "durable insert, 64 coroutines", Data::Empty, BOTH),
    work("live_latency", "from a commit to its result in a flow", Data::Empty, LIVE),
    work("live_kept", "the writer's pace with 50 flows, over that without", Data::Empty, LIVE),
];

const FURTHER: &[(&str, &str)] = &[
    ("live_latency_p50", "from a commit to its result in a flow, p50"),
    ("live_latency_p99", "the same, p99"),
    ("live_latency_call_p50", "from before the call of the write to that result, p50"),
    ("live_latency_call_p99", "the same, p99"),
    ("live_kept_pace", "commits with 50 flows of 100 rows, each commit in one"),
];

const GOALS: &[Goal] = &[
    time("point_read", ("point_read", JDBC), 0.5),
    faster("point_read", ("point_read_io", JDBC), 5.0),
    time("point_read_64", ("point_read_64", JDBC), 0.25),
    time("point_read_r2dbc", ("point_read", UBIQLITE), 2.0),
    time("point_read_64_r2dbc", ("point_read_64", JDBC), 0.5),
    time("stream", ("stream", JDBC), 0.6),
    faster("insert_64_full", ("insert_64_full", JDBC), 8.0),
    time("live_latency_p50", ("live_latency_p50", SQLDELIGHT), 1.0),
    time("live_latency_p99", ("live_latency_p99", SQLDELIGHT), 1.0),
    time("live_latency_call_p50", ("live_latency_call_p50", SQLDELIGHT), 1.0),
    throughput("live_kept_pace", SQLDELIGHT, 1.0),
];
