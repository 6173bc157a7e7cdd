//! The names of a replica's files, which are litestream's: `ltx/LEVEL/FIRST-LAST.ltx`.

/// The level of the files that have all pages.
pub(crate) const SNAPSHOTS: u8 = 9;

/// What the name of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileName {
    pub(crate) level: u8,
    /// The first and the last transaction whose changes it has.
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl FileName {
    /// Returns what a name says; `None`: of another file.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (level, range) = name.strip_prefix("ltx/")?.split_once('/')?;
        let (first, last) = range.strip_suffix(".ltx")?.split_once('-')?;
        let number = |text: &str| {
            let hex = |it: u8| matches!(it, b'0'..=b'9' | b'a'..=b'f');
            let sound = text.len() == 16 && text.bytes().all(hex);
            sound.then(|| u64::from_str_radix(text, 16).ok()).flatten()
        };
        let (first, last) = (number(first)?, number(last)?);
        let level = level.parse().ok().filter(|it| *it <= SNAPSHOTS)?;
        (first > 0 && first <= last).then_some(Self { level, first, last })
    }

    /// Whether it has all pages of the database.
    pub(crate) fn is_snapshot(&self) -> bool {
        self.first == 1
    }
}

impl std::fmt::Display for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ltx/{}/{:016x}-{:016x}.ltx", self.level, self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_name_says_what_the_file_has() {
        let name = FileName { level: 0, first: 2, last: 0x1f };
        assert_eq!(name.to_string(), "ltx/0/0000000000000002-000000000000001f.ltx");
        assert_eq!(FileName::parse(&name.to_string()), Some(name));
        for other in [
            "ltx/0/0000000000000002-000000000000001f.ltx.part",
            "ltx/0/0000000000000002-000000000000001F.ltx",
            "ltx/0/2-1f.ltx",
            "ltx/12/0000000000000002-000000000000001f.ltx",
            "ltx/0/0000000000000002-0000000000000001.ltx",
            "0/0000000000000002-000000000000001f.ltx",
        ] {
            assert_eq!(FileName::parse(other), None, "{other}");
        }
    }
}
