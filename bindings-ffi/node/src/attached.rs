//! Files that statements open, by `ATTACH` and `VACUUM INTO`, besides the databases of this
//! process. As with those, the wasm engine is notified of them, and its lock keeps them out.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};

use serde_json::{Map, Value};
use ubiqlite::ext::vfs::{self, FileError, Guard, Kept};

use crate::lock;
use crate::presence::Presence;

/// The files that are looked at next to a database's (`ts/node/lock.ts`, `presence.ts`).
const LOCK: &str = ".ubiqlite-lock";
const PRESENCE: &str = ".ubiqlite-native";

/// What the lines of attached files say: the fields of a line of this process.
static FIELDS: Mutex<Option<Map<String, Value>>> = Mutex::new(None);

/// Checks files that statements open from now on. `record` is a line of this process, like those
/// next to databases.
pub(crate) fn watch(record: &str) {
    static WATCHED: Once = Once::new();
    if let Ok(Value::Object(fields)) = serde_json::from_str(record) {
        lock(&FIELDS).get_or_insert(fields);
    }
    WATCHED.call_once(|| {
        // The library's SQLite is its own: there is no other guard, and there is a VFS.
        let guarded = vfs::guard(Beside);
        debug_assert!(guarded.is_ok(), "{guarded:?}");
    });
}

struct Beside;

impl Guard for Beside {
    fn admit(&self, path: &str) -> Result<Kept, FileError> {
        let Some(mut fields) = lock(&FIELDS).clone() else { return Ok(Box::new(())) };
        // First announce, then look: see `beside.rs`. The line has no sign of life, and a name of
        // its own, since everything with that name is removed with the line.
        static MADE: AtomicU64 = AtomicU64::new(0);
        let token = fields.get("token").and_then(Value::as_str).unwrap_or_default();
        let token = format!("{token}-{}", MADE.fetch_add(1, Ordering::Relaxed));
        fields.insert("token".into(), token.into());
        fields.remove("sign");
        let presence = PathBuf::from(format!("{path}{PRESENCE}"));
        let line = format!("{}\n", Value::Object(fields.clone()));
        // If no file can be made, the wasm engine can't make its lock either.
        let presence = Presence::announce(&presence, &line).ok();
        if is_held(Path::new(&format!("{path}{LOCK}")), &fields) {
            return Err(FileError::Held);
        }
        Ok(Box::new(presence))
    }
}

/// Whether there is a lock whose holder may be alive.
fn is_held(path: &Path, me: &Map<String, Value>) -> bool {
    match std::fs::read_to_string(path) {
        Ok(text) => match serde_json::from_str(&text) {
            Ok(Value::Object(holder)) => !(is_gone(&holder, me) || is_silent(path, &holder, me)),
            // One that is being written.
            _ => true,
        },
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// Whether the holder of a lock has certainly ended: a process of this system, numbered in the same
/// space as this one, that no longer exists. What takes more to find out, such as that the number
/// is another process's by now, is found out when the file is opened (`isGone` of
/// `ts/node/holder.ts`).
fn is_gone(holder: &Map<String, Value>, me: &Map<String, Value>) -> bool {
    let same = |field: &str| holder.get(field) == me.get(field);
    if !(same("host") && same("machine")) {
        return false;
    }
    if !same("boot") {
        return holder.contains_key("boot") && me.contains_key("boot");
    }
    let pid = holder.get("pid").and_then(Value::as_i64);
    let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 0) else {
        return false;
    };
    same("space") && !is_running(pid)
}

/// Whether the holder of the lock at `path`, in another container of this system, has ended: nobody
/// listens at its sign of life any more (`ts/node/life.ts`).
#[cfg(target_os = "linux")]
fn is_silent(path: &Path, holder: &Map<String, Value>, me: &Map<String, Value>) -> bool {
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    let boot = holder.get("boot");
    if boot.is_none() || boot != me.get("boot") || holder.get("sign") != Some(&Value::Bool(true)) {
        return false;
    }
    let token = holder.get("token").and_then(Value::as_str).unwrap_or_default();
    let Some(Ok(folder)) = path.parent().map(std::fs::File::open) else { return false };
    // Addresses of sockets are short, and paths may not be. If there is no file of that name, the
    // lock is another's by now, or is being released.
    let sign = format!("/proc/self/fd/{}/.{token}.ubiqlite", folder.as_raw_fd());
    matches!(UnixStream::connect(sign), Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused)
}

/// Only Linux has containers of one system.
#[cfg(not(target_os = "linux"))]
fn is_silent(_path: &Path, _holder: &Map<String, Value>, _me: &Map<String, Value>) -> bool {
    false
}

#[cfg(unix)]
fn is_running(pid: i32) -> bool {
    // SAFETY: a signal of 0 is none: it only checks.
    let asked = unsafe { libc::kill(pid, 0) };
    asked == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// There is no way to know here.
#[cfg(not(unix))]
fn is_running(_pid: i32) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(fields: &[(&str, Value)]) -> Map<String, Value> {
        let mut holder = Map::new();
        for (name, value) in [
            ("token", "a".into()),
            ("pid", std::process::id().into()),
            ("host", "here".into()),
            ("machine", "m".into()),
            ("boot", "b".into()),
            ("space", "pid:[1]".into()),
        ] {
            holder.insert(name.into(), value);
        }
        for (name, value) in fields {
            holder.insert((*name).into(), value.clone());
        }
        holder
    }

    /// A number that no process has.
    const NOBODY: i32 = i32::MAX - 1;

    #[test]
    fn only_a_holder_that_has_certainly_ended_is_taken_for_gone() {
        let me = holder(&[]);
        let gone = |fields: &[(&str, Value)]| is_gone(&holder(fields), &me);
        assert!(!gone(&[]));
        assert_eq!(gone(&[("pid", NOBODY.into())]), cfg!(unix));
        assert!(gone(&[("boot", "earlier".into())]));
        for other in ["host", "machine", "space"] {
            assert!(!gone(&[("pid", NOBODY.into()), (other, "other".into())]), "{other}");
        }
        for no_number in [Value::Null, 0.into(), (-1).into(), i64::MAX.into(), "7".into()] {
            assert!(!gone(&[("pid", no_number.clone())]), "{no_number}");
        }
    }

    #[test]
    fn a_file_is_shown_while_it_is_attached_and_refused_while_it_is_locked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db").to_str().unwrap().to_owned();
        *lock(&FIELDS) = Some(holder(&[]));
        let kept = Beside.admit(&path).unwrap();
        let line = std::fs::read_to_string(format!("{path}{PRESENCE}")).unwrap();
        assert!(line.starts_with('{') && line.ends_with("}\n") && line.contains("\"a-"), "{line}");
        drop(kept);
        assert!(!std::fs::exists(format!("{path}{PRESENCE}")).unwrap());

        for (held, text) in [
            (true, Value::Object(holder(&[])).to_string()),
            (true, String::new()),
            (!cfg!(unix), Value::Object(holder(&[("pid", NOBODY.into())])).to_string()),
        ] {
            std::fs::write(format!("{path}{LOCK}"), &text).unwrap();
            assert_eq!(Beside.admit(&path).is_err(), held, "{text}");
            assert!(!std::fs::exists(format!("{path}{PRESENCE}")).unwrap());
        }
    }
}
