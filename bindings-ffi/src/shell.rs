//! The shell, for Python.

use std::ffi::OsString;

use crate::raw::{bytes, guarded};

/// Runs the shell on the standard streams of this process, and returns its exit code when it is left;
/// [`DEFECT`](crate::raw::DEFECT) if it panicked.
///
/// `arguments` are those of a command line, each followed by a zero; on Windows they are UTF-8.
///
/// # Safety
/// There are `length` bytes at `arguments`, which nobody changes until this returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ubiqlite_shell(arguments: *const u8, length: usize) -> i64 {
    // SAFETY: the caller promises it.
    let arguments = unsafe { bytes(arguments, length) };
    guarded(|| {
        let all = arguments.strip_suffix(b"\0").map(|all| all.split(|byte| *byte == 0));
        ubiqlite_shell::run(all.into_iter().flatten().map(argument)).into()
    })
}

#[cfg(unix)]
fn argument(bytes: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

#[cfg(not(unix))]
fn argument(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_divided_at_zeros_and_an_empty_one_is_one() {
        let run = |arguments: &[u8]| {
            // SAFETY: they are there.
            unsafe { ubiqlite_shell(arguments.as_ptr(), arguments.len()) }
        };
        assert_eq!(run(b":memory:\0.exit 3\0"), 3);
        assert_eq!(run(b":memory:\0SELECT ''\0.exit 4\0"), 4);
        assert_eq!(run(b"-nullvalue\0\0:memory:\0.exit 5\0"), 5);
        assert_eq!(run(b"-nope\0"), 2);
    }
}
