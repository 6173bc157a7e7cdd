//! `cargo xtask bench drivers`: query builders and ORMs on the npm package in Node, with the native
//! engine, compared with the same on better-sqlite3.

use super::goals::{Goal, ratio};
use super::node;
use super::options::BenchOptions;
use super::suite::{Data, Runner, Suite, Whose, Work, work};
use crate::workspace::Workspace;

const KYSELY: &str = "kysely";
const KYSELY_BETTER: &str = "kysely-better-sqlite3";
const DRIZZLE: &str = "drizzle";
const DRIZZLE_BETTER: &str = "drizzle-better-sqlite3";

pub(crate) const SUITE: Suite = Suite {
    name: "drivers",
    subjects: &[KYSELY, KYSELY_BETTER, DRIZZLE, DRIZZLE_BETTER],
    works: WORKS,
    further: &[],
    goals: GOALS,
};

/// Installs the libraries, builds the package, and makes the data set.
pub(crate) fn runner(
    workspace: &Workspace,
    options: &BenchOptions,
) -> anyhow::Result<Box<dyn Runner>> {
    node::runner_for(workspace, options.has_subject(KYSELY) || options.has_subject(DRIZZLE))
}

const WORKS: &[Work] = &[
    work("by_key", "one row by its key, awaited before the next one", Data::Shared, Whose::All),
    work("rows_1000", "1,000 rows as an array of objects", Data::Shared, Whose::All),
    work("insert_1000", "a transaction with 1,000 inserts of a row", Data::Empty, Whose::All),
];

const GOALS: &[Goal] = &[
    ratio(("by_key", KYSELY), ("by_key", KYSELY_BETTER), 1.0),
    ratio(("rows_1000", KYSELY), ("rows_1000", KYSELY_BETTER), 1.0),
    ratio(("insert_1000", KYSELY), ("insert_1000", KYSELY_BETTER), 1.0),
    ratio(("by_key", DRIZZLE), ("by_key", DRIZZLE_BETTER), 1.0),
    ratio(("rows_1000", DRIZZLE), ("rows_1000", DRIZZLE_BETTER), 1.0),
    ratio(("insert_1000", DRIZZLE), ("insert_1000", DRIZZLE_BETTER), 1.0),
];
