//! The checksums of LTX files: CRC-64 with the polynomial of ISO 3309, as Go's `hash/crc64` has it.

/// The polynomial, with its bits in reverse.
const POLYNOMIAL: u64 = 0xd800_0000_0000_0000;

/// Bytes that are taken in at once.
const SLICES: usize = 16;

/// `TABLES[n][byte]`: what `byte` adds to the checksum when `n` more bytes follow it.
static TABLES: [[u64; 256]; SLICES] = tables();

const fn tables() -> [[u64; 256]; SLICES] {
    let mut tables = [[0; 256]; SLICES];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut slice = 1;
    while slice < SLICES {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[slice - 1][byte];
            tables[slice][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        slice += 1;
    }
    tables
}

/// A checksum that is being computed.
#[derive(Debug, Clone)]
pub(super) struct Crc64(u64);

impl Crc64 {
    pub(super) fn new() -> Self {
        Self(!0)
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        let mut crc = self.0;
        let mut chunks = bytes.chunks_exact(SLICES);
        for chunk in &mut chunks {
            let mut next = 0;
            for (index, byte) in chunk.iter().enumerate() {
                // The checksum so far is mixed with the first eight bytes.
                let mixed = if index < 8 { byte ^ (crc >> (8 * index)) as u8 } else { *byte };
                next ^= TABLES[SLICES - 1 - index][usize::from(mixed)];
            }
            crc = next;
        }
        for byte in chunks.remainder() {
            crc = (crc >> 8) ^ TABLES[0][usize::from(crc as u8 ^ byte)];
        }
        self.0 = crc;
    }

    pub(super) fn finish(&self) -> u64 {
        !self.0
    }
}

/// Every checksum in an LTX file has this bit, so that none is 0.
pub(crate) const FLAG: u64 = 1 << 63;

/// Returns the checksum of a page and its number.
pub(crate) fn page_checksum(page: u32, data: &[u8]) -> u64 {
    let mut crc = Crc64::new();
    crc.update(&page.to_be_bytes());
    crc.update(data);
    FLAG | crc.finish()
}

/// The checksum of each page of a database, and that of the database, which is made of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct PageChecksums {
    /// Of page 1 first; 0 for the page of locks, which belongs to no database.
    pages: Vec<u64>,
    all: u64,
}

impl PageChecksums {
    /// Returns the checksum of the whole database.
    pub(crate) fn whole(&self) -> u64 {
        FLAG | self.all
    }

    /// Returns how many pages the database has.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.pages.len()).unwrap_or(u32::MAX)
    }

    /// Takes in what a page contains now. The pages in between have no checksum yet.
    pub(crate) fn set(&mut self, page: u32, data: &[u8]) {
        let index = page as usize - 1;
        if index >= self.pages.len() {
            self.pages.resize(index + 1, 0);
        }
        let new = page_checksum(page, data);
        self.all ^= self.pages[index] ^ new;
        self.pages[index] = new;
    }

    /// Sets how many pages there are. Those that are new have no checksum yet.
    pub(crate) fn resize(&mut self, pages: u32) {
        for gone in self.pages.iter().skip(pages as usize) {
            self.all ^= gone;
        }
        self.pages.resize(pages as usize, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_the_catalogue() {
        let mut crc = Crc64::new();
        crc.update(b"123456789");
        assert_eq!(crc.finish(), 0xb909_56c7_75a4_1001);
    }

    #[test]
    fn many_bytes_at_once_and_one_by_one_have_the_same_checksum() {
        let bytes: Vec<u8> = (0..1000u32).map(|it| (it * 7 + it / 256) as u8).collect();
        for length in [0, 1, 15, 16, 17, 31, 64, 999] {
            let (mut whole, mut single) = (Crc64::new(), Crc64::new());
            whole.update(&bytes[..length]);
            bytes[..length].iter().for_each(|byte| single.update(&[*byte]));
            assert_eq!(whole.finish(), single.finish(), "{length}");
        }
    }

    #[test]
    fn a_database_that_grew_and_shrank_again_has_the_checksum_it_had() {
        let mut pages = PageChecksums::default();
        pages.set(1, &[1; 512]);
        pages.set(2, &[2; 512]);
        let before = pages.whole();
        pages.set(4, &[4; 512]);
        pages.set(3, &[3; 512]);
        pages.set(2, &[9; 512]);
        assert_ne!(pages.whole(), before);
        pages.set(2, &[2; 512]);
        pages.resize(2);
        assert_eq!((pages.whole(), pages.len()), (before, 2));
    }
}
