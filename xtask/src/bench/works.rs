//! What is measured, and of whom. What each work does is written in the
//! subjects: `tests/bench/common`.

/// One who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    /// The folder of its crate in `tests/bench`.
    pub(crate) folder: &'static str,
}

pub(crate) const UBIQLITE: &str = "ubiqlite";
pub(crate) const RAW: &str = "raw";

/// In the order in which they run in each round, and stand in the table.
pub(crate) const SUBJECTS: &[Subject] = &[
    Subject { name: UBIQLITE, folder: "ubiqlite" },
    Subject { name: RAW, folder: "peers/raw" },
    Subject { name: "async-sqlite", folder: "peers/async-sqlite" },
    Subject { name: "tokio-rusqlite", folder: "peers/tokio-rusqlite" },
    Subject { name: "deadpool-sqlite", folder: "peers/deadpool-sqlite" },
    Subject { name: "sqlx", folder: "peers/sqlx" },
];

/// One thing to do.
#[derive(Debug)]
pub(crate) struct Work {
    /// What it is called in the results.
    pub(crate) name: &'static str,
    /// What the subject's program calls it.
    pub(crate) run_as: &'static str,
    pub(crate) about: &'static str,
    pub(crate) data: Data,
    pub(crate) whose: Whose,
    /// Whether the whole process stays on one core.
    pub(crate) pinned: bool,
}

/// The database that a work starts with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Data {
    /// The data set, which nobody changes.
    Shared,
    /// A copy of the data set of its own.
    Copy,
    /// No file yet.
    Empty,
}

/// Who does a work.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Whose {
    All,
    Async,
    OursAndRaw,
    Ours,
    Raw,
}

impl Whose {
    pub(crate) fn includes(self, subject: &str) -> bool {
        match self {
            Self::All => true,
            Self::Async => subject != RAW,
            Self::OursAndRaw => subject == UBIQLITE || subject == RAW,
            Self::Ours => subject == UBIQLITE,
            Self::Raw => subject == RAW,
        }
    }
}

const fn work(name: &'static str, about: &'static str, data: Data, whose: Whose) -> Work {
    Work { name, run_as: name, about, data, whose, pinned: false }
}

/// In the order of the table.
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
    work("point_read_held", "the same inside one transaction", Data::Shared, Whose::Raw),
    work("point_read_64", "point read, 64 tasks", Data::Shared, Whose::Async),
    work(
        "point_read_64_writer",
        "the same beside 1,000 commits a second",
        Data::Copy,
        Whose::Async,
    ),
    work("insert_1_full", "insert, one task, FULL", Data::Empty, Whose::All),
    work("insert_1_normal", "insert, one task, NORMAL", Data::Empty, Whose::All),
    work("insert_64_full", "insert, 64 tasks, FULL", Data::Empty, Whose::Async),
    work("insert_64_normal", "insert, 64 tasks, NORMAL", Data::Empty, Whose::Async),
    work("stream_all", "all rows, per row", Data::Shared, Whose::All),
    work("execute_many", "100,000 inserts in a transaction, per row", Data::Empty, Whose::All),
    work("stream_1m", "a million rows, growth of memory", Data::Shared, Whose::OursAndRaw),
    work("scan_1", "long scans, 1 reader", Data::Shared, Whose::OursAndRaw),
    work("scan_2", "long scans, 2 readers", Data::Shared, Whose::OursAndRaw),
    work("scan_4", "long scans, 4 readers", Data::Shared, Whose::OursAndRaw),
    work("scan_8", "long scans, 8 readers", Data::Shared, Whose::OursAndRaw),
    work("idle", "idle", Data::Empty, Whose::Ours),
];

/// Figures that a work prints beside, or in place of, the one of its name: its
/// name goes on with `_`.
const FURTHER: &[(&str, &str)] = &[
    ("point_read_64_writer_commits", "commits that the writer reached"),
    ("idle_wakes", "wake-ups in 3 s of an idle open database"),
    ("idle_threads_left", "threads left by 1,000 databases"),
    ("idle_handles_left", "file handles left by 1,000 databases"),
];

/// What a figure is, in words.
pub(crate) fn about(figure: &str) -> &str {
    let works = WORKS.iter().map(|work| (work.name, work.about));
    let mut all = works.chain(FURTHER.iter().copied());
    all.find(|(name, _)| *name == figure).map_or(figure, |(_, about)| about)
}

/// Whether a run has this figure of this subject.
#[cfg(test)]
pub(crate) fn is_measured(figure: &str, subject: &str) -> bool {
    let further = FURTHER.iter().any(|(name, _)| *name == figure);
    let prints = |work: &Work| {
        work.name == figure || further && figure.starts_with(&format!("{}_", work.name))
    };
    WORKS.iter().any(|work| prints(work) && work.whose.includes(subject))
        && SUBJECTS.iter().any(|it| it.name == subject)
}
