//! Detects whether the results made from a file are still up to date.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// A record of what a result was made from. It is written once the result is complete, so
/// that an interrupted run leaves none.
pub(crate) struct Stamp {
    path: PathBuf,
    text: String,
}

impl Stamp {
    /// Makes a stamp at `path` for results made from the bytes of `input` with `how`.
    pub(crate) fn of(path: PathBuf, input: &Path, how: &str) -> anyhow::Result<Self> {
        let bytes = fs::read(input).with_context(|| format!("cannot read {}", input.display()))?;
        Ok(Self { path, text: format!("{:016x} {} {how}\n", fnv(&bytes), bytes.len()) })
    }

    /// Returns whether every one of `results` exists and was made from the same input.
    pub(crate) fn holds_for(&self, results: &[PathBuf]) -> bool {
        results.iter().all(|result| result.is_file())
            && fs::read_to_string(&self.path).is_ok_and(|text| text == self.text)
    }

    /// Forgets the last result: it is about to be replaced.
    pub(crate) fn clear(&self) -> anyhow::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Records that the results are complete.
    pub(crate) fn set(&self) -> anyhow::Result<()> {
        fs::write(&self.path, &self.text)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// FNV-1a: it only has to distinguish two builds, and it is the same in every version
/// of Rust.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_holds_until_the_input_or_the_way_changes_or_a_result_is_gone() {
        let dir = std::env::temp_dir().join(format!("ubiqlite-stamp-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let (input, result, path) = (dir.join("in"), dir.join("out"), dir.join("stamp"));
        fs::write(&input, "one").unwrap();
        fs::write(&result, "made").unwrap();
        let stamp = |how: &str| Stamp::of(path.clone(), &input, how).unwrap();
        let results = [result.clone()];

        assert!(!stamp("-O3").holds_for(&results));
        stamp("-O3").set().unwrap();
        assert!(stamp("-O3").holds_for(&results));
        assert!(!stamp("-Os").holds_for(&results));
        fs::write(&input, "two").unwrap();
        assert!(!stamp("-O3").holds_for(&results));
        fs::write(&input, "one").unwrap();
        fs::remove_file(&result).unwrap();
        assert!(!stamp("-O3").holds_for(&results));

        stamp("-O3").clear().unwrap();
        stamp("-O3").clear().unwrap();
        fs::remove_dir_all(&dir).unwrap();
    }
}
