//! What else in this process is open.

use std::ffi::c_int;

use super::table::{FileId, is_ours};

/// Whether a descriptor that is not this SQLite's stands for one of these files.
pub(super) fn have_open(files: &[FileId]) -> bool {
    let mut found = false;
    each(|file| found |= files.contains(&file));
    found
}

/// All files of which this process has a descriptor that is not this SQLite's.
pub(super) fn each(mut seen: impl FnMut(FileId)) {
    if let Some(open) = count()
        && each_of(open, &mut seen)
    {
        return;
    }
    let list = if cfg!(any(target_os = "linux", target_os = "android")) {
        "/proc/self/fd"
    } else {
        "/dev/fd"
    };
    let Ok(list) = std::fs::read_dir(list) else {
        // Nothing tells which there are, so all that there may be are tried.
        each_of(usize::MAX, &mut seen);
        return;
    };
    for entry in list.flatten() {
        let fd = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(file) = fd.filter(|fd| !is_ours(*fd)).and_then(FileId::of) {
            seen(file);
        }
    }
}

/// How many descriptors are open, where the system tells (Linux since 6.2): to read
/// the list of them takes several times as long as to try each.
fn count() -> Option<usize> {
    if !cfg!(any(target_os = "linux", target_os = "android")) {
        return None;
    }
    // SAFETY: all zeros is a valid `stat`, which the call fills.
    let size = unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        let code = libc::stat(c"/proc/self/fd".as_ptr(), &raw mut stat);
        if code == 0 { stat.st_size } else { 0 }
    };
    usize::try_from(size).ok().filter(|size| *size > 0)
}

/// Tries one descriptor after the other, until so many open ones were found. False:
/// they lie too far apart.
fn each_of(open: usize, seen: &mut impl FnMut(FileId)) -> bool {
    let last = c_int::try_from(open.saturating_mul(2).saturating_add(1_024)).unwrap_or(65_536);
    let mut left = open;
    for fd in 0..last {
        if left == 0 {
            return true;
        }
        if is_ours(fd) {
            left -= 1;
        } else if let Some(file) = FileId::of(fd) {
            left -= 1;
            seen(file);
        }
    }
    left == 0
}
