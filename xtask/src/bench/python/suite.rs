//! The works, their subjects, and the goals. `tests/bench/python` has the code of each
//! work.

use super::super::goals::{Bound, Goal, Measure, faster, ratio, time, usually_at_most};
use super::super::suite::{Data, Suite, UBIQLITE, Whose, Work, work};

pub(crate) const STDLIB: &str = "sqlite3";
const AIO: &str = "aiosqlite";
/// Code written for aiosqlite, on our drop-in.
const DROP_IN: &str = "ubiqlite.aiosqlite";
/// ADBC's driver for SQLite, which has Arrow tables and nothing else.
const ADBC: &str = "adbc";
/// SQLAlchemy's ORM on our dialect, and on aiosqlite.
const ORM: &str = "sqlite+ubiqlite";
const ORM_ON_AIO: &str = "sqlite+aiosqlite";

pub(crate) const SUITE: Suite = Suite {
    name: "python",
    subjects: &[UBIQLITE, STDLIB, AIO, DROP_IN, ADBC, ORM, ORM_ON_AIO],
    works: WORKS,
    further: &[
        ("stalls_busy", "computing of the loop's thread in that time, 99 %"),
        ("query_stalls_busy", "computing of the loop's thread in that time, 99 %"),
    ],
    goals: GOALS,
};

/// The subjects that can have several calls in flight.
const ASYNC: Whose = Whose::Only(&[UBIQLITE, AIO, DROP_IN]);
const AIO_ONLY: Whose = Whose::Only(&[AIO, DROP_IN]);
/// aiosqlite has no rows of another kind.
const BY_KIND: Whose = Whose::Only(&[UBIQLITE, STDLIB]);
/// All subjects that have rows.
const WITH_ROWS: Whose = Whose::Only(&[UBIQLITE, STDLIB, AIO, DROP_IN]);
const ARROW: Whose = Whose::Only(&[UBIQLITE, ADBC]);
const ORMS: Whose = Whose::Only(&[ORM, ORM_ON_AIO]);

const WORKS: &[Work] = &[
    work("point_read", "point read by name, one at a time", Data::Shared, WITH_ROWS),
    work("point_read_dict", "point read as a dict, one at a time", Data::Shared, BY_KIND),
    work("point_read_one_hop", "point read by `execute_fetchall`", Data::Shared, AIO_ONLY),
    work("point_read_connect", "point read, connecting for it", Data::Shared, AIO_ONLY),
    work("point_read_64", "point read by name, 64 tasks", Data::Shared, ASYNC),
    work("stream_dicts", "all rows as dicts, one after another, per row", Data::Shared, WITH_ROWS),
    work("stream_rows", "all rows as `Row`s, per row", Data::Shared, Whose::Only(&[UBIQLITE])),
    work("stream_tuples", "all rows as tuples, per row", Data::Shared, BY_KIND),
    work("execute_many", "100,000 inserts in a transaction, per row", Data::Empty, WITH_ROWS),
    work("insert_1_normal", "insert, committed, one at a time", Data::Empty, WITH_ROWS),
    work("insert_64_normal", "insert, committed, 64 tasks", Data::Empty, ASYNC),
    work("insert_64_apart", "the same, in a transaction of its own each", Data::Empty, AIO_ONLY),
    work("insert_1_full", "durable insert, one at a time", Data::Empty, WITH_ROWS),
    work("insert_64_full", "durable insert, 64 tasks", Data::Empty, ASYNC),
    work("arrow", "500,000 rows as an Arrow table, per row", Data::Shared, ARROW),
    work("orm_get", "ORM: an object by its key, in a session of its own", Data::Shared, ORMS),
    work("orm_get_50", "ORM: the same in 50 tasks", Data::Shared, ORMS),
    work("orm_select_1000", "ORM: 1,000 objects as a list", Data::Shared, ORMS),
    work("orm_insert_1000", "ORM: insert of 1,000 objects in a transaction", Data::Empty, ORMS),
    work("stalls", "lateness of the loop beside 1,000,000 rows, 99 %", Data::Shared, ASYNC),
    work(
        "query_stalls",
        "lateness of the loop beside lists of 500,000 rows, 99 %",
        Data::Shared,
        ASYNC,
    ),
];

const GOALS: &[Goal] = &[
    time("point_read", ("point_read", STDLIB), 0.7),
    time("point_read_dict", ("point_read_dict", STDLIB), 0.7),
    faster("point_read", ("point_read", AIO), 20.0),
    faster("point_read", ("point_read_connect", AIO), 100.0),
    faster("point_read_64", ("point_read_64", AIO), 15.0),
    faster("insert_1_normal", ("insert_1_normal", AIO), 3.0),
    faster("insert_64_normal", ("insert_64_apart", AIO), 10.0),
    faster("stream_dicts", ("stream_dicts", STDLIB), 1.8),
    faster("stream_tuples", ("stream_tuples", STDLIB), 1.8),
    faster("execute_many", ("execute_many", STDLIB), 1.2),
    time("arrow", ("arrow", ADBC), 1.3),
    drop_in("point_read", 2.0),
    drop_in("point_read_one_hop", 2.0),
    drop_in("point_read_connect", 1.0),
    drop_in("point_read_64", 1.0),
    drop_in("insert_1_normal", 2.0),
    drop_in("insert_64_normal", 1.0),
    drop_in("insert_1_full", 1.0),
    drop_in("stream_dicts", 1.0),
    drop_in("execute_many", 1.0),
    orm("orm_get"),
    orm("orm_get_50"),
    orm("orm_select_1000"),
    orm("orm_insert_1000"),
    usually_at_most("stalls", 2.0),
    usually_at_most("stalls_busy", 2.0),
    usually_at_most("query_stalls", 5.0),
];

/// How many times faster the same code is on our drop-in.
const fn drop_in(work: &'static str, bound: f64) -> Goal {
    Goal { measure: Measure::Ratio((work, AIO), (work, DROP_IN)), bound: Bound::AtLeast(bound) }
}

/// What the same code takes on our dialect, by what it takes on aiosqlite.
const fn orm(work: &'static str) -> Goal {
    ratio((work, ORM), (work, ORM_ON_AIO), 0.7)
}
