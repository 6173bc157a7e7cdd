//! Temporary files: memory, in pieces, so that a growing one is never copied.

use super::FileError;

const PIECE: usize = 32 * 1024;

/// A file that is gone when it is closed.
#[derive(Debug, Default)]
pub(super) struct Temporary {
    pieces: Vec<Box<[u8]>>,
    size: u64,
}

impl Temporary {
    /// Reads up to the end, and returns how many bytes there were.
    pub(super) fn read(&self, into: &mut [u8], at: u64) -> usize {
        let wanted = usize::try_from(self.size.saturating_sub(at)).unwrap_or(usize::MAX);
        let wanted = wanted.min(into.len());
        let mut done = 0;
        while done < wanted {
            let (piece, from) = place(at + done as u64);
            let count = (PIECE - from).min(wanted - done);
            into[done..done + count].copy_from_slice(&self.pieces[piece][from..from + count]);
            done += count;
        }
        wanted
    }

    /// Writes; a gap before it becomes zeros.
    ///
    /// # Errors
    /// `Full` where there is no memory.
    pub(super) fn write(&mut self, from: &[u8], at: u64) -> Result<(), FileError> {
        let end = at + from.len() as u64;
        self.reserve(end)?;
        let mut done = 0;
        while done < from.len() {
            let (piece, to) = place(at + done as u64);
            let count = (PIECE - to).min(from.len() - done);
            self.pieces[piece][to..to + count].copy_from_slice(&from[done..done + count]);
            done += count;
        }
        self.size = self.size.max(end);
        Ok(())
    }

    /// Cuts to this size, or extends with zeros.
    ///
    /// # Errors
    /// `Full` where there is no memory.
    pub(super) fn truncate(&mut self, size: u64) -> Result<(), FileError> {
        if size > self.size {
            self.reserve(size)?;
        } else {
            let (piece, from) = place(size);
            self.pieces.truncate(if from == 0 { piece } else { piece + 1 });
            // What is cut must not come back when the file grows again.
            if let Some(last) = self.pieces.get_mut(piece) {
                last[from..].fill(0);
            }
        }
        self.size = size;
        Ok(())
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    fn reserve(&mut self, end: u64) -> Result<(), FileError> {
        let pieces = usize::try_from(end.div_ceil(PIECE as u64)).map_err(|_| FileError::Full)?;
        while self.pieces.len() < pieces {
            let mut piece = Vec::new();
            piece.try_reserve_exact(PIECE).map_err(|_| FileError::Full)?;
            piece.resize(PIECE, 0);
            self.pieces.push(piece.into_boxed_slice());
        }
        Ok(())
    }
}

/// The piece that holds this byte, and where in it. Never beyond what memory can
/// hold: `reserve` came first.
#[allow(clippy::cast_possible_truncation, reason = "a place in memory")]
fn place(at: u64) -> (usize, usize) {
    ((at / PIECE as u64) as usize, (at % PIECE as u64) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_across_pieces_is_read_back() {
        let mut file = Temporary::default();
        let data: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
        file.write(&data, 12_345).unwrap();
        assert_eq!(file.size(), 112_345);
        let mut back = vec![1; 100_000];
        assert_eq!(file.read(&mut back, 12_345), 100_000);
        assert_eq!(back, data);
        assert_eq!(file.read(&mut back, 0), 100_000);
        assert_eq!(back[..12_345], vec![0; 12_345]);
        assert_eq!(file.read(&mut back, 112_340), 5);
        assert_eq!(file.read(&mut back, 1 << 40), 0);
    }

    #[test]
    fn what_was_cut_off_does_not_come_back() {
        let mut file = Temporary::default();
        file.write(&[7; 70_000], 0).unwrap();
        file.truncate(40_000).unwrap();
        file.write(&[9], 69_999).unwrap();
        let mut back = vec![1; 70_000];
        assert_eq!(file.read(&mut back, 0), 70_000);
        assert!(back[..40_000].iter().all(|&byte| byte == 7));
        assert!(back[40_000..69_999].iter().all(|&byte| byte == 0));
        file.truncate(0).unwrap();
        assert_eq!((file.size(), file.read(&mut back, 0)), (0, 0));
    }
}
