//! A file in memory, for what SQLite wants no name for.

/// Bytes in a piece: a large file is not copied while it grows.
const PIECE: usize = 64 * 1024;

/// A file in memory.
#[derive(Debug, Default)]
pub(super) struct Temp {
    pieces: Vec<Box<[u8]>>,
    size: usize,
}

impl Temp {
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Reads what there is, and answers how many bytes.
    pub(super) fn read(&self, into: &mut [u8], at: usize) -> usize {
        let len = into.len().min(self.size.saturating_sub(at));
        for (place, byte_range) in ranges(at, len) {
            let (piece, offset) = (place / PIECE, place % PIECE);
            let from = &self.pieces[piece][offset..offset + byte_range.len()];
            into[byte_range].copy_from_slice(from);
        }
        len
    }

    pub(super) fn write(&mut self, from: &[u8], at: usize) {
        self.reach(at + from.len());
        for (place, byte_range) in ranges(at, from.len()) {
            let (piece, offset) = (place / PIECE, place % PIECE);
            self.pieces[piece][offset..offset + byte_range.len()]
                .copy_from_slice(&from[byte_range]);
        }
    }

    pub(super) fn truncate(&mut self, size: usize) {
        if size > self.size {
            return self.reach(size);
        }
        self.pieces.truncate(size.div_ceil(PIECE));
        // What is cut off reads as zeros, should the file grow again.
        if let Some(last) = self.pieces.last_mut()
            && size % PIECE != 0
        {
            last[size % PIECE..].fill(0);
        }
        self.size = size;
    }

    fn reach(&mut self, size: usize) {
        while self.pieces.len() * PIECE < size {
            self.pieces.push(vec![0; PIECE].into());
        }
        self.size = self.size.max(size);
    }
}

/// The parts of `len` bytes from `at` on that lie in one piece each: their place
/// in the file, and among the bytes.
fn ranges(at: usize, len: usize) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == len {
            return None;
        }
        let place = at + done;
        let part = (PIECE - place % PIECE).min(len - done);
        let range = done..done + part;
        done += part;
        Some((place, range))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_over_the_edges_of_pieces_and_what_was_cut_is_zero() {
        let mut file = Temp::default();
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
        file.write(&bytes, 10);
        let mut back = vec![1; 200_020];
        assert_eq!(file.read(&mut back, 0), 200_010);
        assert_eq!((&back[..10], &back[10..200_010]), (&[0; 10][..], &bytes[..]));
        file.truncate(70_000);
        file.truncate(80_000);
        assert_eq!(file.read(&mut back, 69_999), 10_001);
        assert_eq!(back[1..10_001], [0; 10_000]);
    }
}
