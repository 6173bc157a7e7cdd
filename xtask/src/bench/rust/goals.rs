//! The goals.

use super::super::goals::{Goal, at_most, faster, throughput, time, usually_at_most};
use super::works::RAW;

pub(crate) const GOALS: &[Goal] = &[
    time("point_read", ("point_read", RAW), 0.5),
    time("point_read", ("point_read_held", RAW), 1.6),
    faster("point_read", ("point_read", "async-sqlite"), 8.0),
    faster("point_read_pinned", ("point_read_pinned", "async-sqlite"), 8.0),
    faster("point_read_64", ("point_read_64", "async-sqlite"), 6.0),
    faster("point_read_64_writer", ("point_read_64_writer", "async-sqlite"), 3.0),
    faster("insert_64_full", ("insert_1_full", RAW), 10.0),
    faster("insert_64_full", ("insert_64_normal", "async-sqlite"), 1.0),
    faster("insert_64_full", ("insert_64_normal", "tokio-rusqlite"), 1.0),
    faster("insert_64_full", ("insert_64_normal", "deadpool-sqlite"), 1.0),
    faster("insert_64_full", ("insert_64_normal", "sqlx"), 1.0),
    time("insert_1_full", ("insert_1_full", RAW), 1.2),
    time("insert_1_normal", ("insert_1_normal", RAW), 1.6),
    time("stream_all", ("stream_all", RAW), 1.15),
    time("execute_many", ("execute_many", RAW), 1.15),
    at_most("stream_1m", 16.0),
    throughput("scan_2", RAW, 0.9),
    throughput("scan_4", RAW, 0.9),
    throughput("scan_8", RAW, 0.9),
    time("script", ("script", RAW), 1.3),
    at_most("texts", 64.0),
    at_most("late_reads", 2.0),
    at_most("late_count", 2.0),
    at_most("late_cold", 2.0),
    at_most("burst_threads", 8.0),
    at_most("burst_handles", 24.0),
    at_most("burst_memory", 1.5),
    usually_at_most("locks", 1.02),
    at_most("idle_wakes", 0.0),
    at_most("idle_threads_left", 0.0),
    at_most("idle_handles_left", 0.0),
];
