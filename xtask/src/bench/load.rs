//! How much of the machine other processes used while a benchmark ran.

use std::fs;
use std::time::{Duration, Instant};

/// A clock tick of `/proc`: 1/100 s on every Linux (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// A watch, started when the measurement begins.
pub(crate) struct Watch {
    since: Instant,
    before: Option<Ticks>,
}

/// Processor time since the machine started.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ticks {
    /// The time of all processes.
    busy: u64,
    /// The time that the host of a virtual machine gave to others.
    stolen: u64,
    /// The time of this process and those it has waited for.
    own: u64,
}

impl Watch {
    pub(crate) fn begin() -> Self {
        Self { since: Instant::now(), before: ticks() }
    }

    /// Returns what others used, in words; empty if the system does not report it.
    pub(crate) fn end(&self) -> String {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        match (self.before, ticks()) {
            (Some(before), Some(after)) => told(before, after, self.since.elapsed(), cores),
            _ => String::new(),
        }
    }
}

fn told(before: Ticks, after: Ticks, took: Duration, cores: usize) -> String {
    let all = took.as_secs_f64() * cores as f64 * TICKS_PER_SECOND;
    let share = |ticks: u64| (ticks as f64 / all * 100.0).round();
    let others = (after.busy - before.busy).saturating_sub(after.own - before.own);
    let stolen = after.stolen - before.stolen;
    format!(
        "Meanwhile other processes had {} % of the machine, and its host took {} %.",
        share(others),
        share(stolen)
    )
}

fn ticks() -> Option<Ticks> {
    parse(&fs::read_to_string("/proc/stat").ok()?, &fs::read_to_string("/proc/self/stat").ok()?)
}

/// Reads the two files: see proc_stat(5) and proc_pid_stat(5).
fn parse(machine: &str, own: &str) -> Option<Ticks> {
    let all = numbers(machine.lines().next()?.strip_prefix("cpu ")?);
    let [user, nice, system, _idle, _waiting, irq, soft_irq, stolen, ..] = all[..] else {
        return None;
    };
    // The name, in parentheses, may contain blanks; the state follows it.
    let own = numbers(own.rsplit_once(')')?.1.trim_start().split_once(' ')?.1);
    // utime, stime, cutime, cstime: fields 14 to 17, after the three that were cut off.
    let own = own.get(10..14)?.iter().sum();
    Some(Ticks { busy: user + nice + system + irq + soft_irq, stolen, own })
}

fn numbers(text: &str) -> Vec<u64> {
    // None of the fields that are used can be negative.
    text.split_whitespace().map(|number| number.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_time_is_no_load_of_others() {
        let machine = "cpu  100 1 20 9000 5 2 3 7 0 0\ncpu0 1 2\n";
        let own = "42 (a name) S 1 2 3 0 -1 4 5 6 7 8 10 20 30 40 20 0";
        let before = parse(machine, own).unwrap();
        assert_eq!(before, Ticks { busy: 126, stolen: 7, own: 100 });
        let after = Ticks { busy: before.busy + 150, stolen: 9, own: before.own + 130 };
        let text = told(before, after, Duration::from_secs(1), 2);
        assert!(text.contains("processes had 10 %") && text.contains("took 1 %"), "{text}");
    }
}
