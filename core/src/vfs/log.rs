//! A write-ahead log's writes, gathered up to a commit.
//!
//! SQLite writes each frame in two calls, its header and its page. Most hosts'
//! cost of a call is more than that of its bytes, so what continues the log is
//! gathered and written in one call: with the page of a commit's frame, before
//! SQLite is answered, so that an error still undoes the commit, and nothing that
//! was acknowledged is kept here alone.

/// Gathered bytes are written when there are so many.
const MOST: usize = 256 * 1024;

/// Bytes of a frame's header, <https://sqlite.org/walformat.html#frame_header>.
const FRAME_HEADER: usize = 24;

/// Bytes of the log's own header.
const LOG_HEADER: usize = 32;

/// What is gathered of one log.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    start: u64,
    bytes: Vec<u8>,
    /// The header that came last is that of a commit's frame.
    commits: bool,
    /// Where the log goes on: nothing else is gathered, for only this is what is
    /// certain to be followed by a commit, or to be of no importance.
    next: Option<u64>,
}

impl Gathered {
    /// What is to be written, and where.
    pub(super) fn pending(&self) -> Option<(&[u8], u64)> {
        (!self.bytes.is_empty()).then_some((&self.bytes, self.start))
    }

    /// Says that it was written, or that the file was changed under it.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.commits = false;
    }

    /// Whether a range of the file lies in what is gathered, in part.
    pub(super) fn overlaps(&self, at: u64, len: usize) -> bool {
        let end = self.start + self.bytes.len() as u64;
        !self.bytes.is_empty() && at < end && at + len as u64 > self.start
    }

    /// Whether the write continues what is gathered, or the log.
    pub(super) fn takes(&self, from: &[u8], at: u64) -> bool {
        if !self.bytes.is_empty() {
            return at == self.start + self.bytes.len() as u64;
        }
        self.next == Some(at) || (at == 0 && from.len() == LOG_HEADER)
    }

    /// Gathers a write that [`takes`](Self::takes) allows. Answers whether what is
    /// gathered is to be written now.
    pub(super) fn add(&mut self, from: &[u8], at: u64) -> bool {
        if self.bytes.is_empty() {
            self.start = at;
        }
        self.bytes.extend_from_slice(from);
        self.next = Some(at + from.len() as u64);
        let commit = self.commits && from.len() != FRAME_HEADER;
        // The database's size in pages after a commit; 0 in other frames.
        self.commits = from.len() == FRAME_HEADER && from[4..8] != [0; 4];
        commit || self.bytes.len() >= MOST
    }

    /// Says that a write went past: what follows it may be gathered, unless it
    /// was a header alone, as SQLite changes those of frames that are there.
    pub(super) fn passed(&mut self, from: &[u8], at: u64) {
        if from.len() != FRAME_HEADER {
            self.next = Some(at + from.len() as u64);
        }
    }

    /// Says that the log was cut.
    pub(super) fn cut(&mut self) {
        self.clear();
        self.next = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(commit: bool) -> [u8; FRAME_HEADER] {
        let mut header = [0; FRAME_HEADER];
        header[7] = u8::from(commit);
        header
    }

    #[test]
    fn a_commits_frames_are_one_write_which_is_due_with_its_last_page() {
        let mut log = Gathered::default();
        assert!(log.takes(&[0; LOG_HEADER], 0));
        assert!(!log.add(&[0; LOG_HEADER], 0));
        assert!(!log.add(&header(false), 32));
        assert!(!log.add(&[1; 512], 56));
        assert!(log.takes(&header(true), 568));
        assert!(!log.add(&header(true), 568));
        assert!(log.add(&[2; 512], 592));
        assert_eq!(log.pending().map(|(bytes, at)| (bytes.len(), at)), Some((1104, 0)));
        log.clear();
        // The next commit goes on where this one ended.
        assert!(log.takes(&header(true), 1104));
    }

    #[test]
    fn a_change_of_an_earlier_frame_is_not_gathered() {
        let mut log = Gathered::default();
        log.passed(&[0; 512], 10_000);
        assert!(log.takes(&header(false), 10_512));
        assert!(!log.takes(&header(true), 32));
        log.passed(&header(true), 32);
        assert!(log.takes(&header(false), 10_512));
    }
}
