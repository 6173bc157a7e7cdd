//! Gathers many writes to a write-ahead log into one.
//!
//! SQLite writes a frame's header and its page separately. Both, and the frames after them, are
//! gathered here and handed over together.
//!
//! What is acknowledged is never only here. The header of a transaction's last frame marks it (its
//! bytes 4 to 8 are not zero), and with the page that follows everything is handed over, so that an
//! error is that of the commit itself. Anything still here without that is a transaction that has
//! not ended, whatever the locking mode and `synchronous` are.
//!
//! wal.c writes in four ways, which are all distinguished here: a frame at the end; a frame further
//! ahead, which voids what was there; a page again into its frame; and, after a commit's last
//! frame, the headers of such frames again.

use super::FileError;
use super::node::OpenNode;

/// How many bytes are gathered at most.
const MOST: usize = 256 * 1024;

/// Bytes of a frame's header, <https://sqlite.org/walformat.html#wal_frame_header>.
const HEADER: usize = 24;

/// The file grows by this many bytes at a time: a commit within its size need not wait for a new
/// size too, which a disk keeps elsewhere. Ahead of the log are zeros, at which SQLite's recovery
/// ends.
const AHEAD: u64 = 256 * 1024;

/// What was written to a log and not handed over yet.
#[derive(Debug)]
pub(super) struct LogBuffer {
    /// How long the file is at least, once known.
    reached: Option<u64>,
    /// The file's length is made a multiple of this.
    ahead: u64,
    bytes: Vec<u8>,
    /// Where they belong.
    start: u64,
    /// Where the next frame belongs.
    end: u64,
    /// The page that comes next completes a commit.
    commits: bool,
}

impl Default for LogBuffer {
    fn default() -> Self {
        Self { reached: None, ahead: AHEAD, bytes: Vec::new(), start: 0, end: 0, commits: false }
    }
}

impl LogBuffer {
    /// Takes a write, and hands over what it may not keep.
    ///
    /// # Errors
    /// Those of the file; nothing of this write is kept then.
    pub(super) fn write(
        &mut self,
        file: OpenNode<'_>,
        from: &[u8],
        at: u64,
    ) -> Result<(), FileError> {
        let begins = from.len() == HEADER || at == 0;
        if begins && at < self.end {
            // Headers that are written again are those of a commit, so nothing is here then; if
            // something is, the log was set back.
            self.forget_from(at);
        }
        let commits = std::mem::take(&mut self.commits);
        let taken = self.take(file, from, at, commits, begins);
        if taken.is_err() && commits {
            // A commit's header does not stay without its page.
            self.forget_from(at.saturating_sub(HEADER as u64));
        }
        self.commits = taken.is_ok() && from.len() == HEADER && from[4..8] != [0; 4];
        taken
    }

    fn take(
        &mut self,
        file: OpenNode<'_>,
        from: &[u8],
        at: u64,
        commits: bool,
        begins: bool,
    ) -> Result<(), FileError> {
        if let Some(range) = self.within(from.len(), at) {
            self.bytes[range].copy_from_slice(from);
        } else if at == self.end {
            if self.bytes.len() + from.len() > MOST {
                self.hand_over(file)?;
            }
            if self.bytes.is_empty() {
                self.start = at;
            }
            self.bytes.extend_from_slice(from);
            self.end = at + from.len() as u64;
        } else {
            self.hand_over(file)?;
            self.reached = Some(write_ahead(file, from, at, self.reached, self.ahead)?);
            if begins {
                self.end = at + from.len() as u64;
            }
        }
        if commits { self.hand_over(file) } else { Ok(()) }
    }

    /// Writes what was gathered.
    ///
    /// # Errors
    /// Those of the file. What was gathered stays: if only a statement fails, those before it in
    /// its transaction are still wanted.
    pub(super) fn hand_over(&mut self, file: OpenNode<'_>) -> Result<(), FileError> {
        if !self.bytes.is_empty() {
            let reached = write_ahead(file, &self.bytes, self.start, self.reached, self.ahead)?;
            self.reached = Some(reached);
            self.bytes.clear();
        }
        Ok(())
    }

    /// Reads from what was gathered, if all of it is there.
    pub(super) fn read(&self, into: &mut [u8], at: u64) -> bool {
        match self.within(into.len(), at) {
            Some(range) => {
                into.copy_from_slice(&self.bytes[range]);
                true
            }
            None => false,
        }
    }

    /// Whether some of this range is only here.
    pub(super) fn covers(&self, len: usize, at: u64) -> bool {
        at < self.gathered_end() && at + len as u64 > self.start && !self.bytes.is_empty()
    }

    /// Where what was gathered ends; 0 if nothing was.
    pub(super) fn gathered_end(&self) -> u64 {
        if self.bytes.is_empty() { 0 } else { self.start + self.bytes.len() as u64 }
    }

    /// Notes that the file was cut.
    pub(super) fn cut(&mut self) {
        self.reached = None;
    }

    /// Forgets what was gathered: its transaction ended without a commit.
    pub(super) fn forget(&mut self) {
        self.bytes.clear();
        self.commits = false;
    }

    fn forget_from(&mut self, at: u64) {
        if self.bytes.is_empty() {
            return;
        }
        let kept = usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX);
        if kept < self.bytes.len() {
            self.bytes.truncate(kept);
            self.end = self.start + kept as u64;
        }
    }

    fn within(&self, len: usize, at: u64) -> Option<std::ops::Range<usize>> {
        let start = usize::try_from(at.checked_sub(self.start)?).ok()?;
        let end = start.checked_add(len)?;
        (end <= self.bytes.len()).then_some(start..end)
    }
}

/// Writes, with zeros after it if the file ends before that. Returns how long the file is at least.
fn write_ahead(
    file: OpenNode<'_>,
    from: &[u8],
    at: u64,
    reached: Option<u64>,
    ahead: u64,
) -> Result<u64, FileError> {
    let reached = match reached {
        Some(reached) => reached,
        None => file.size()?,
    };
    let end = at + from.len() as u64;
    if end > reached && ahead > 0 {
        let target = end.next_multiple_of(ahead);
        let mut bytes = Vec::with_capacity(from.len());
        bytes.extend_from_slice(from);
        bytes.resize(from.len() + usize::try_from(target - end).unwrap_or(0), 0);
        // If there is no room for zeros, there may be for what matters.
        if file.write(&bytes, at).is_ok() {
            return Ok(target);
        }
    }
    file.write(from, at)?;
    Ok(reached.max(end))
}

#[cfg(test)]
mod tests {
    use super::super::Files;
    use super::super::testing::Memory;
    use super::*;

    const PAGE: usize = 512;

    struct Bench {
        files: Memory,
        file: u32,
        log: LogBuffer,
    }

    impl Bench {
        fn new() -> Self {
            let files = Memory::default();
            let file = files.open("wal", true, false).unwrap();
            Self { files, file, log: LogBuffer { ahead: 0, ..LogBuffer::default() } }
        }

        fn write(&mut self, from: &[u8], at: u64) -> Result<(), FileError> {
            self.log.write(OpenNode { files: &self.files, file: self.file }, from, at)
        }

        fn frame(&mut self, at: u64, fill: u8, commit: bool) -> Result<(), FileError> {
            let mut header = [fill; HEADER];
            header[4..8].copy_from_slice(&[0, 0, 0, u8::from(commit)]);
            self.write(&header, at)?;
            self.write(&[fill; PAGE], at + HEADER as u64)
        }

        fn writes(&self) -> Vec<(u64, usize)> {
            self.files.writes().into_iter().map(|(_, at, len)| (at, len)).collect()
        }
    }

    const FRAME: u64 = (HEADER + PAGE) as u64;

    #[test]
    fn the_file_grows_ahead_of_the_log_and_never_over_what_is_there() {
        let mut bench = Bench::new();
        bench.log = LogBuffer { ahead: 4096, ..LogBuffer::default() };
        bench.write(&[1; 32], 0).unwrap();
        bench.frame(32, 2, true).unwrap();
        bench.frame(32 + FRAME, 3, true).unwrap();
        assert_eq!(bench.writes(), [(0, 4096), (32 + FRAME, FRAME as usize)]);
        // Another connection finds the file as it is.
        bench.log = LogBuffer { ahead: 4096, ..LogBuffer::default() };
        bench.frame(32, 4, true).unwrap();
        let writes = bench.writes();
        assert!(writes[2..].iter().all(|(_, len)| *len <= FRAME as usize), "{writes:?}");
        let mut back = [0; PAGE];
        bench.files.read(bench.file, &mut back, 32 + FRAME + HEADER as u64).unwrap();
        assert_eq!(back, [3; PAGE]);
    }

    #[test]
    fn a_transaction_is_one_write_and_done_when_its_last_page_is() {
        let mut bench = Bench::new();
        bench.write(&[1; 32], 0).unwrap();
        bench.frame(32, 2, false).unwrap();
        assert_eq!(bench.writes(), []);
        bench.frame(32 + FRAME, 3, true).unwrap();
        assert_eq!(bench.writes(), [(0, 32 + 2 * FRAME as usize)]);
        bench.frame(32 + 2 * FRAME, 4, true).unwrap();
        assert_eq!(bench.writes(), [(32 + 2 * FRAME, FRAME as usize)]);
    }

    #[test]
    fn what_was_set_back_is_never_written() {
        let mut bench = Bench::new();
        bench.write(&[1; 32], 0).unwrap();
        bench.frame(32, 2, true).unwrap();
        bench.writes();
        let start = 32 + FRAME;
        bench.frame(start, 3, false).unwrap();
        bench.frame(start + FRAME, 4, false).unwrap();
        bench.frame(start + FRAME, 5, true).unwrap();
        assert_eq!(bench.writes(), [(start, 2 * FRAME as usize)]);
        let content = bench.files.content("wal");
        assert_eq!(content[(start + FRAME) as usize], 5);
    }

    #[test]
    fn a_page_that_is_written_again_is_changed_where_it_is() {
        let mut bench = Bench::new();
        bench.frame(0, 2, false).unwrap();
        bench.frame(FRAME, 3, false).unwrap();
        bench.write(&[9; PAGE], HEADER as u64).unwrap();
        let mut back = [0; PAGE];
        assert!(bench.log.read(&mut back, HEADER as u64));
        assert_eq!(back, [9; PAGE]);
        assert!(!bench.log.read(&mut back, FRAME + HEADER as u64 + 1));
        assert!(bench.log.covers(PAGE, FRAME + HEADER as u64 + 1));
        // It changes nothing about where the next frame belongs.
        bench.frame(2 * FRAME, 4, true).unwrap();
        assert_eq!(bench.writes(), [(0, 3 * FRAME as usize)]);
        // A header by itself, of a frame that is on the disk, goes there at once.
        bench.write(&[5; HEADER], FRAME).unwrap();
        assert_eq!(bench.writes(), [(FRAME, HEADER)]);
    }

    #[test]
    fn a_commit_that_finds_no_room_leaves_what_came_before_it() {
        let mut bench = Bench::new();
        bench.frame(0, 2, false).unwrap();
        bench.files.set_room(Some(100));
        assert_eq!(bench.frame(FRAME, 3, true), Err(FileError::Full));
        assert_eq!(bench.log.gathered_end(), FRAME);
        bench.files.set_room(None);
        bench.frame(FRAME, 4, true).unwrap();
        assert_eq!(bench.writes(), [(0, 2 * FRAME as usize)]);
        assert_eq!(bench.files.content("wal")[FRAME as usize], 4);
    }

    #[test]
    fn gathering_has_a_bound() {
        let mut bench = Bench::new();
        for n in 0..1000 {
            bench.frame(n * FRAME, 1, false).unwrap();
        }
        let writes = bench.writes();
        assert_eq!(writes.len(), 2);
        assert!(writes.iter().all(|&(_, len)| len <= MOST));
    }
}
