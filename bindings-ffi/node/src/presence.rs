//! The file next to a database that shows the wasm engine who has it open natively.
//!
//! Native engines need nothing from each other: they have SQLite's own locks. The wasm engine has
//! none, and its lock file keeps other wasm engines out. So each native one writes a line into a
//! file next to the database, and keeps a shared lock on that file while it lives. The first to
//! come, or the last to go, has the lock alone, and clears away the lines of those that were
//! killed, and their signs of life (`ts/node/life.ts`). The wasm engine, which can't see locks,
//! takes its own lock and then checks for each line whether its process lives.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// A line in the file, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Presence {
    path: PathBuf,
    file: File,
}

impl Presence {
    /// Adds `record`, a line, to the file at `path`.
    ///
    /// # Errors
    /// The system's, where no file can be made or locked: no lock of the wasm engine's
    /// could be made there either.
    pub(crate) fn announce(path: &Path, record: &str) -> io::Result<Self> {
        loop {
            let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
            if file.try_lock().is_ok() {
                clear_signs(&file, path);
                file.set_len(0)?;
            }
            // From here on nobody clears it. This waits only for those that do.
            file.lock_shared()?;
            (&file).write_all(record.as_bytes())?;
            if is_at(&file, path) {
                return Ok(Self { path: path.to_owned(), file });
            }
            // The last one has removed it in the meantime.
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if self.file.try_lock().is_ok() && is_at(&self.file, &self.path) {
            clear_signs(&self.file, &self.path);
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes the signs of life of all that have lines in the file: none of them lives, since the
/// caller has the lock alone. What can't be removed is only clutter.
fn clear_signs(mut file: &File, path: &Path) {
    let mut text = String::new();
    // The path may be another file's by now, with lines of living engines.
    let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
    let (Ok(_), Some(folder)) = (read, path.parent()) else { return };
    for line in text.lines() {
        let Ok(line) = serde_json::from_str::<serde_json::Value>(line) else { continue };
        let token = line.get("token").and_then(serde_json::Value::as_str).unwrap_or_default();
        // Never the name of anything else, whoever wrote the line.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if !token.is_empty() && token.bytes().all(plain) {
            for end in ["", "~"] {
                let _ = fs::remove_file(folder.join(format!(".{token}.ubiqlite{end}")));
            }
        }
    }
}

/// Whether `path` still names the file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |it: std::fs::Metadata| (it.dev(), it.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(file), Ok(there)) => place(file) == place(there),
        _ => false,
    }
}

/// Whether `path` still names the file. A file that is open is not replaced here.
#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_clears_the_lines_of_the_dead_and_the_last_removes_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("presence");
        fs::write(&path, "one that was killed\n").unwrap();
        let first = Presence::announce(&path, "first\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "first\n");
        let second = Presence::announce(&path, "second\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "first\nsecond\n");
        drop(first);
        assert_eq!(fs::read_to_string(&path).unwrap(), "first\nsecond\n");
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn signs_of_life_of_those_that_were_killed_go_with_their_lines_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let path = file("presence");
        let lines = "{\"token\":\"a-1\"}\n{\"token\":\"../b\"}\n{\"token\":\"\"}\n{}\nno JSON\n";
        for name in [".a-1.ubiqlite", "b.ubiqlite", "..ubiqlite", ".c-1.ubiqlite"] {
            fs::write(file(name), "").unwrap();
        }
        fs::write(&path, lines).unwrap();
        let first = Presence::announce(&path, "{\"token\":\"c-1\"}\n").unwrap();
        assert!(!file(".a-1.ubiqlite").exists());
        assert!(file(".c-1.ubiqlite").exists(), "its holder lives");
        // One that has the lock alongside it, and dies.
        fs::write(file(".d-1.ubiqlite"), "").unwrap();
        drop(Presence::announce(&path, "{\"token\":\"d-1\"}\n").unwrap());
        assert!(file(".d-1.ubiqlite").exists(), "its line is still there");
        drop(first);
        for (name, left) in [
            (".c-1.ubiqlite", false),
            (".d-1.ubiqlite", false),
            ("b.ubiqlite", true),
            ("..ubiqlite", true),
        ] {
            assert_eq!(file(name).exists(), left, "{name}");
        }
    }

    #[test]
    fn however_many_come_and_go_at_once_each_is_there_while_it_lives() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("presence");
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    for round in 0..500 {
                        let record = format!("{thread} {round}\n");
                        let here = Presence::announce(path, &record).unwrap();
                        let text = fs::read_to_string(path).unwrap();
                        assert!(text.contains(&record), "{record:?} is not in {text:?}");
                        drop(here);
                    }
                });
            }
        });
        assert!(!path.exists());
    }
}
