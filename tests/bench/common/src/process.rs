//! What the kernel reports about this process in `/proc/self`. Linux only.

use std::fs;

use crate::Result;

/// Resets the peak of memory: the next [`peak_kib`] counts from here.
///
/// # Errors
///
/// Where the kernel does not offer it.
pub fn reset_peak() -> Result<()> {
    Ok(fs::write("/proc/self/clear_refs", "5")?)
}

/// Returns the peak of resident memory since [`reset_peak`], in KiB.
///
/// # Errors
///
/// Where `/proc/self/status` has no `VmHWM`.
pub fn peak_kib() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    field(&status, "VmHWM:").ok_or_else(|| "no VmHWM in /proc/self/status".into())
}

/// Returns the resident memory, in KiB.
///
/// # Errors
///
/// Where `/proc/self/status` has no `VmRSS`.
pub fn resident_kib() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    field(&status, "VmRSS:").ok_or_else(|| "no VmRSS in /proc/self/status".into())
}

/// Returns the number of threads in the process.
///
/// # Errors
///
/// Where `/proc` cannot be read.
pub fn threads() -> Result<u64> {
    Ok(fs::read_dir("/proc/self/task")?.count() as u64)
}

/// Returns the number of file handles that the process has open.
///
/// # Errors
///
/// Where `/proc` cannot be read.
pub fn handles() -> Result<u64> {
    // The listing itself holds one.
    Ok(fs::read_dir("/proc/self/fd")?.count() as u64 - 1)
}

/// Returns the context switches so far, voluntary or not, of every thread but the caller.
///
/// # Errors
///
/// Where `/proc` cannot be read.
pub fn switches_of_others() -> Result<u64> {
    let me = fs::read_link("/proc/thread-self")?;
    let mut sum = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?;
        if Some(task.file_name().as_os_str()) == me.file_name() {
            continue;
        }
        // A thread may end between the listing and the reading.
        let Ok(status) = fs::read_to_string(task.path().join("status")) else {
            continue;
        };
        sum += field(&status, "voluntary_ctxt_switches:").unwrap_or(0)
            + field(&status, "nonvoluntary_ctxt_switches:").unwrap_or(0);
    }
    Ok(sum)
}

fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let status =
            "VmHWM:\t  1234 kB\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t7\n";
        assert_eq!(field(status, "VmHWM:"), Some(1234));
        assert_eq!(field(status, "voluntary_ctxt_switches:"), Some(5));
        assert_eq!(field(status, "nonvoluntary_ctxt_switches:"), Some(7));
    }
}
