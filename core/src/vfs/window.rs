//! A file of which only what was written last is kept: a copy is written into it, and taken out of
//! it in order.

use super::FileError;

/// As many bytes as the largest page: SQLite reads the first page of what it writes again.
const HEAD: usize = 65_536;

/// The part of a file that is kept.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// The first bytes of the file.
    head: Vec<u8>,
    /// Where `bytes` begin.
    start: u64,
    bytes: Vec<u8>,
    /// How many bytes the file has.
    size: u64,
}

impl Window {
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Reads up to the end of the file, and returns how many bytes there were.
    ///
    /// # Errors
    /// `Io` for bytes that are not kept.
    pub(super) fn read(&self, into: &mut [u8], at: u64) -> Result<usize, FileError> {
        let count = into.len().min(usize::try_from(self.size.saturating_sub(at)).unwrap_or(0));
        if count == 0 {
            return Ok(0);
        }
        let into = &mut into[..count];
        let kept = |kept: &[u8], start: u64| {
            let from = usize::try_from(at.checked_sub(start)?).ok()?;
            kept.get(from..from + count).map(<[u8]>::to_vec)
        };
        let found = kept(&self.head, 0).or_else(|| kept(&self.bytes, self.start));
        into.copy_from_slice(&found.ok_or(FileError::Io)?);
        Ok(count)
    }

    /// Writes; a gap before it becomes zeros. What was taken already is forgotten, but for the first
    /// bytes.
    pub(super) fn write(&mut self, from: &[u8], at: u64) {
        let end = at + from.len() as u64;
        self.size = self.size.max(end);
        if at < HEAD as u64 {
            let room = &from[..from.len().min(HEAD - at as usize)];
            put(&mut self.head, room, at as usize);
        }
        let skipped = usize::try_from(self.start.saturating_sub(at)).unwrap_or(usize::MAX);
        if let Some(rest) = from.get(skipped..) {
            let to = at.max(self.start) - self.start;
            put(&mut self.bytes, rest, usize::try_from(to).unwrap_or(usize::MAX));
        }
    }

    /// Takes the bytes up to `end`.
    pub(super) fn take(&mut self, end: u64) -> Vec<u8> {
        let count = usize::try_from(end.saturating_sub(self.start)).unwrap_or(usize::MAX);
        if self.bytes.len() < count {
            self.bytes.resize(count, 0);
        }
        let rest = self.bytes.split_off(count);
        self.start = self.start.max(end);
        std::mem::replace(&mut self.bytes, rest)
    }
}

fn put(bytes: &mut Vec<u8>, from: &[u8], at: usize) {
    let end = at + from.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(from);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_taken_in_order_and_a_gap_is_zeros() {
        let mut window = Window::default();
        window.write(b"bb", 4);
        window.write(b"dd", 10);
        assert_eq!(window.take(6), b"\0\0\0\0bb");
        assert_eq!((window.start(), window.size()), (6, 12));
        assert_eq!(window.take(12), b"\0\0\0\0dd");
        assert_eq!(window.take(14), b"\0\0");
        assert_eq!(window.take(14), b"");
    }

    #[test]
    fn what_was_taken_is_not_written_again_but_for_the_head() {
        let mut window = Window::default();
        window.write(&[7; 100_000], 0);
        window.take(90_000);
        window.write(&[8; 100], 89_950);
        assert_eq!(window.take(90_100)[..], [[8; 50], [7; 50]].concat());
        window.write(b"head", 0);
        let mut read = [0; 4];
        assert_eq!(window.read(&mut read, 0), Ok(4));
        assert_eq!(&read, b"head");
        assert_eq!(window.read(&mut read, 80_000), Err(FileError::Io));
        assert_eq!(window.read(&mut read, 99_998), Ok(2), "up to the end");
        assert_eq!(window.read(&mut read, 200_000), Ok(0));
    }
}
