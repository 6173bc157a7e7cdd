//! What else is open in this process.

use std::ffi::c_int;

use super::table::{FileId, is_ours};

/// Whether a descriptor that is not this SQLite's refers to one of these files.
pub(super) fn have_open(files: &[FileId]) -> bool {
    let mut found = false;
    each(|file| found |= files.contains(&file));
    found
}

/// The table size beyond which the system's list takes less time than trying each descriptor.
const PLACES: c_int = 16_384;

/// Calls `seen` with the files of all descriptors of this process that are not this SQLite's. It
/// includes every descriptor that is open from before this call until after it.
pub(super) fn each(mut seen: impl FnMut(FileId)) {
    let mut look = |fd| {
        if !is_ours(fd)
            && let Some(file) = FileId::of(fd)
        {
            seen(file);
        }
    };
    if let Some(places) = places().filter(|places| *places <= PLACES) {
        return (0..places).for_each(look);
    }
    let list = if cfg!(any(target_os = "linux", target_os = "android")) {
        "/proc/self/fd"
    } else {
        "/dev/fd"
    };
    match std::fs::read_dir(list) {
        Ok(list) => list
            .flatten()
            .filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok()))
            .for_each(look),
        // The existing ones are unknown, so all possible ones are tried.
        Err(_) => (0..4 * PLACES).for_each(&mut look),
    }
}

/// Returns the size of this process's descriptor table, if the system reports it; no open one is
/// beyond. Counting the open ones would not do: while others open and close files, the last of
/// them could be missed.
fn places() -> Option<c_int> {
    if !cfg!(any(target_os = "linux", target_os = "android")) {
        return None;
    }
    let status = std::fs::read("/proc/self/status").ok()?;
    let line =
        status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"FDSize:"))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}
