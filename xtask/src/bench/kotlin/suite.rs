//! The works, their subjects, and the goals. `tests/bench/kotlin` has the code of each
//! work.

use super::super::goals::{Goal, faster, time};
pub(crate) use super::super::suite::UBIQLITE;
use super::super::suite::{Data, Suite, Whose, Work, work};

const JDBC: &str = "sqlite-jdbc";

pub(crate) const SUITE: Suite =
    Suite { name: "kotlin", subjects: &[UBIQLITE, JDBC], works: WORKS, further: &[], goals: GOALS };

const WORKS: &[Work] = &[
    work(
        "point_read",
        "point read, one at a time; sqlite-jdbc called as it is",
        Data::Shared,
        Whose::All,
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
        Whose::All,
    ),
    work(
        "point_read_r2dbc",
        "point read by r2dbc-ubiqlite, one at a time",
        Data::Shared,
        Whose::Only(&[UBIQLITE]),
    ),
    work("stream", "all rows one after another, per row", Data::Shared, Whose::All),
    work("execute_many", "100,000 inserts in a transaction, per row", Data::Empty, Whose::All),
    work("insert_1_full", "durable insert, one at a time", Data::Empty, Whose::All),
    work("insert_64_full", "durable insert, 64 coroutines", Data::Empty, Whose::All),
];

const GOALS: &[Goal] = &[
    time("point_read", ("point_read", JDBC), 0.5),
    faster("point_read", ("point_read_io", JDBC), 5.0),
    time("point_read_64", ("point_read_64", JDBC), 0.25),
    time("point_read_r2dbc", ("point_read", UBIQLITE), 2.0),
    time("stream", ("stream", JDBC), 0.6),
    faster("insert_64_full", ("insert_64_full", JDBC), 8.0),
];
