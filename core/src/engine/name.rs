//! Converts a path to the name that SQLite opens.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The one name that is not a path.
const MEMORY: &[u8] = b":memory:";

/// Returns the name for SQLite. A path is a path: what SQLite takes for something else is refused,
/// instead of being opened as a file with an odd name or as no file at all.
pub(super) fn literal(path: &Path) -> Result<PathBuf> {
    let name = path.as_os_str().as_encoded_bytes();
    let advice = if name.is_empty() {
        "the path is empty; for a database in memory, use \":memory:\""
    } else if name != MEMORY && name.starts_with(MEMORY) {
        "nothing may follow \":memory:\"; for a file of that name, put \"./\" before it"
    } else if name.starts_with(b"file:") {
        "URIs are not accepted; pass the path alone and the rest as options, pass \":memory:\" for a database in memory, or put \"./\" before the name of a file that begins with \"file:\""
    } else {
        return Ok(path.to_owned());
    };
    Err(Error::invalid(advice))
}

/// Returns the URI of a file that nobody changes.
pub(super) fn immutable(path: &Path) -> Result<PathBuf> {
    let path = path.canonicalize().map_err(|error| Error::invalid(error.to_string()))?;
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str("?immutable=1");
    Ok(uri.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn what_sqlite_takes_for_no_path_is_refused() {
        for name in ["", "file:x?mode=memory", "file::memory:", "file:x", ":memory:?cache=shared"] {
            let error = literal(Path::new(name)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{name}");
        }
        for name in [":memory:", "./file:x", "files", "./:memory:?", "a?b#c%20", "memory:"] {
            assert_eq!(literal(Path::new(name)).unwrap(), Path::new(name));
        }
    }

    #[cfg(unix)]
    #[test]
    fn every_letter_of_a_path_stands_for_itself_in_a_uri() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a b?c#d%41é.db");
        std::fs::write(&path, "").unwrap();
        let uri = immutable(&path).unwrap().to_str().unwrap().to_owned();
        assert!(uri.ends_with("/a%20b%3Fc%23d%2541%C3%A9.db?immutable=1"), "{uri}");
    }
}
