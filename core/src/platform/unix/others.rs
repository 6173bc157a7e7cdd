//! What else in this process is open.

use std::ffi::c_int;

use super::table::{FileId, is_ours};

/// Whether a descriptor that is not this SQLite's stands for one of these files.
pub(super) fn have_open(files: &[FileId]) -> bool {
    let mut found = false;
    each(|file| found |= files.contains(&file));
    found
}

/// Beyond so many places the system's list takes less time than to try each.
const PLACES: c_int = 16_384;

/// All files of which this process has a descriptor that is not this SQLite's: each
/// that is open from before this call until after it.
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
        // Nothing tells which there are, so all that there may be are tried.
        Err(_) => (0..4 * PLACES).for_each(&mut look),
    }
}

/// For how many descriptors this process has places, where the system tells; no open
/// one is beyond. To count the open ones would not do: while others open and close
/// files, the last of them could be missed.
fn places() -> Option<c_int> {
    if !cfg!(any(target_os = "linux", target_os = "android")) {
        return None;
    }
    let status = std::fs::read("/proc/self/status").ok()?;
    let line =
        status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"FDSize:"))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}
