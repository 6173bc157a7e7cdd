//! A result of a watch, as the core wrote it: what comes before its new rows.

use super::pages::{i64_at, u32_at};
use super::write::MarshalWriter;

/// What precedes the words.
const HEAD: usize = 32;

/// How a result is made of the one before.
pub(super) struct UpdateHead<'a> {
    moment: i64,
    number: u32,
    rows: u32,
    /// How many runs there are, and how many rows are new, gone and different.
    counts: [u32; 4],
    /// The runs, and then the positions of those rows.
    words: &'a [u8],
}

impl<'a> UpdateHead<'a> {
    /// Reads it, and returns what follows: the new rows.
    pub(super) fn read(payload: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let counts = [
            u32_at(payload, 16)?,
            u32_at(payload, 20)?,
            u32_at(payload, 24)?,
            u32_at(payload, 28)?,
        ];
        let [runs, added, removed, updated] = counts.map(u64::from);
        let length = usize::try_from(4 * (2 * runs + added + removed + updated)).ok()?;
        let end = HEAD.checked_add(length)?;
        let head = Self {
            moment: i64_at(payload, 0)?,
            number: u32_at(payload, 8)?,
            rows: u32_at(payload, 12)?,
            counts,
            words: payload.get(HEAD..end)?,
        };
        Some((head, payload.get(end.checked_next_multiple_of(8)?..)?))
    }

    /// Writes it as one tuple. The words stay bytes, which Python reads in one call.
    pub(super) fn write(&self, whole: bool, out: &mut MarshalWriter) {
        out.tuple(9);
        out.int(self.moment);
        out.int(i64::from(self.number));
        out.bool(whole);
        out.int(i64::from(self.rows));
        self.counts.into_iter().for_each(|count| out.int(i64::from(count)));
        out.blob(self.words);
    }
}
