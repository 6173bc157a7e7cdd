//! LTX files: the pages that some transactions have changed, or all pages of a database.
//!
//! Written and read is version 3 of the format with pages as LZ4 blocks, as
//! <https://github.com/superfly/ltx> has it since 0.5: a header, the pages in ascending order, an
//! index of them, and a trailer. All numbers are big-endian.

use std::io::{self, Read};

use super::checksum::{Crc64, FLAG, PageChecksums};

const MAGIC: &[u8; 4] = b"LTX1";
pub(crate) const HEADER: usize = 100;
const PAGE_HEADER: usize = 6;
const TRAILER: usize = 16;

/// Flag of a file: it has no checksums of the database.
const NO_CHECKSUM: u32 = 1 << 1;
/// Flag of a page: its size follows, and it is an LZ4 block.
const SIZED: u16 = 1;

/// The page at which SQLite has its locks starts at this byte, and has no content.
const LOCK_BYTE: u32 = 0x4000_0000;

/// Returns the number of the page that belongs to no database.
pub(crate) fn lock_page(page_size: u32) -> u32 {
    LOCK_BYTE / page_size + 1
}

/// What an LTX file begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) flags: u32,
    pub(crate) page_size: u32,
    /// The pages that the database has after these transactions.
    pub(crate) pages: u32,
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// When the last transaction was seen, in milliseconds since 1970.
    pub(crate) time: u64,
    /// The checksum of the database before; 0 in a file with all pages.
    pub(crate) before: u64,
}

impl Header {
    /// Whether the file has checksums of the database before and after it.
    pub(crate) fn has_checksums(&self) -> bool {
        self.flags & NO_CHECKSUM == 0
    }

    fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        let mut at = 0;
        let mut put = |field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        };
        put(MAGIC);
        put(&self.flags.to_be_bytes());
        put(&self.page_size.to_be_bytes());
        put(&self.pages.to_be_bytes());
        put(&self.first.to_be_bytes());
        put(&self.last.to_be_bytes());
        put(&self.time.to_be_bytes());
        put(&self.before.to_be_bytes());
        // Where in a log it was, and who wrote it, is left at 0: not known.
        bytes
    }

    /// # Errors
    /// `InvalidData` if that is no such header.
    pub(crate) fn decode(bytes: &[u8; HEADER]) -> io::Result<Self> {
        let half = |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|it| bytes[at + it]));
        let word = |at: usize| u64::from(half(at)) << 32 | u64::from(half(at + 4));
        let header = Self {
            flags: half(4),
            page_size: half(8),
            pages: half(12),
            first: word(16),
            last: word(24),
            time: word(32),
            before: word(40),
        };
        let sound = &bytes[..4] == MAGIC
            && header.flags & !NO_CHECKSUM == 0
            && header.page_size.is_power_of_two()
            && (512..=65_536).contains(&header.page_size)
            && header.first > 0
            && header.first <= header.last;
        if sound { Ok(header) } else { Err(damaged("its header is not that of an LTX file")) }
    }
}

pub(crate) fn damaged(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

/// Gives the pages of an LTX file that is written, in ascending order.
pub(crate) trait PageSource {
    /// Writes the next page into `data`, which is as long as a page, and returns its number; `None`
    /// after the last.
    fn next(&mut self, data: &mut [u8]) -> io::Result<Option<u32>>;
}

/// An LTX file that is made while it is read. The checksums of the pages are taken into `pages`.
pub(crate) struct Encoder<'a, S> {
    source: S,
    pages: &'a mut PageChecksums,
    page: Vec<u8>,
    crc: Crc64,
    /// Of each page its number, and where in the file it is.
    index: Vec<(u32, u64, u64)>,
    length: u64,
    /// What is ready, and how much of it has been read.
    ready: Vec<u8>,
    taken: usize,
    complete: bool,
}

impl<'a, S: PageSource> Encoder<'a, S> {
    /// Begins a file. `pages` are those before it, and then those after it.
    pub(crate) fn new(header: Header, source: S, pages: &'a mut PageChecksums) -> Self {
        let mut encoder = Self {
            source,
            pages,
            page: vec![0; header.page_size as usize],
            crc: Crc64::new(),
            index: Vec::new(),
            length: 0,
            ready: Vec::new(),
            taken: 0,
            complete: false,
        };
        encoder.pages.resize(header.pages);
        encoder.put(&header.encode());
        encoder
    }

    fn put(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        self.ready.extend_from_slice(bytes);
        self.length += bytes.len() as u64;
    }

    fn advance(&mut self) -> io::Result<()> {
        let mut page = std::mem::take(&mut self.page);
        let next = self.source.next(&mut page);
        if let Ok(Some(number)) = next {
            self.put_page(number, &page);
        }
        self.page = page;
        if next?.is_none() {
            self.end();
        }
        Ok(())
    }

    fn put_page(&mut self, number: u32, data: &[u8]) {
        self.pages.set(number, data);
        let offset = self.length;
        self.put(&number.to_be_bytes());
        self.put(&SIZED.to_be_bytes());
        let start = self.ready.len();
        let most = lz4_flex::block::get_maximum_output_size(data.len());
        self.ready.resize(start + 4 + most, 0);
        // There is room for the worst case.
        let size = lz4_flex::block::compress_into(data, &mut self.ready[start + 4..]).unwrap_or(0);
        self.ready.truncate(start + 4 + size);
        let prefix = u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes();
        self.ready[start..start + 4].copy_from_slice(&prefix);
        self.crc.update(&prefix);
        // What the checksum covers is the page as it is, not as it is packed.
        self.crc.update(data);
        self.length += 4 + size as u64;
        self.index.push((number, offset, self.length - offset));
    }

    fn end(&mut self) {
        self.put(&[0; PAGE_HEADER]);
        let start = self.length;
        let mut record = Vec::new();
        for (number, offset, size) in std::mem::take(&mut self.index) {
            record.clear();
            put_varint(&mut record, number.into());
            put_varint(&mut record, offset);
            put_varint(&mut record, size);
            self.put(&record);
        }
        self.put(&[0]);
        self.put(&(self.length - start).to_be_bytes());
        self.put(&self.pages.whole().to_be_bytes());
        let checksum = FLAG | self.crc.finish();
        self.ready.extend_from_slice(&checksum.to_be_bytes());
        self.complete = true;
    }
}

impl<S: PageSource> Read for Encoder<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.ready.len() {
            self.ready.clear();
            self.taken = 0;
            // Some pages at once, so that whoever writes them needs fewer calls.
            while !self.complete && self.ready.len() < buffer.len() {
                self.advance()?;
            }
        }
        let ready = &self.ready[self.taken..];
        let length = ready.len().min(buffer.len());
        buffer[..length].copy_from_slice(&ready[..length]);
        self.taken += length;
        Ok(length)
    }
}

fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Reads an LTX file, whose pages count only once [`finish`](Self::finish) has returned.
pub(crate) struct Decoder<R> {
    from: R,
    header: Header,
    crc: Crc64,
    offset: u64,
    packed: Vec<u8>,
    index: Vec<(u32, u64, u64)>,
}

impl<R: Read> Decoder<R> {
    /// # Errors
    /// `InvalidData` for a file of another format, and those of reading.
    pub(crate) fn new(mut from: R) -> io::Result<Self> {
        let mut bytes = [0; HEADER];
        read_exact(&mut from, &mut bytes)?;
        let header = Header::decode(&bytes)?;
        let mut crc = Crc64::new();
        crc.update(&bytes);
        let (packed, index) = (Vec::new(), Vec::new());
        Ok(Self { from, header, crc, offset: HEADER as u64, packed, index })
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        read_exact(&mut self.from, &mut bytes)?;
        self.crc.update(&bytes);
        self.offset += N as u64;
        Ok(bytes)
    }

    /// Reads the next page into `data`, and returns its number; `None` after the last.
    ///
    /// # Errors
    /// `InvalidData` for what no such file has, and those of reading.
    pub(crate) fn next(&mut self, data: &mut [u8]) -> io::Result<Option<u32>> {
        let offset = self.offset;
        let [a, b, c, d, e, f] = self.take::<PAGE_HEADER>()?;
        let (number, flags) = (u32::from_be_bytes([a, b, c, d]), u16::from_be_bytes([e, f]));
        if number == 0 && flags == 0 {
            return Ok(None);
        }
        let before = self.index.last().map_or(0, |(number, ..)| *number);
        if number <= before || number > self.header.pages {
            return Err(damaged(format!("page {number} is out of order or out of bounds")));
        }
        if flags != SIZED {
            return Err(damaged("its pages are not LZ4 blocks; older tools wrote such files"));
        }
        let size = u32::from_be_bytes(self.take::<4>()?) as usize;
        if size > lz4_flex::block::get_maximum_output_size(data.len()) {
            return Err(damaged(format!("page {number} is larger than pages can be")));
        }
        self.packed.resize(size, 0);
        read_exact(&mut self.from, &mut self.packed)?;
        self.offset += size as u64;
        match lz4_flex::block::decompress_into(&self.packed, data) {
            Ok(length) if length == data.len() => {}
            _ => return Err(damaged(format!("page {number} can't be unpacked"))),
        }
        self.crc.update(data);
        self.index.push((number, offset, self.offset - offset));
        Ok(Some(number))
    }

    /// Reads what follows the last page, and returns the checksum of the database after this file.
    ///
    /// # Errors
    /// `InvalidData` if a checksum of the file is another, or its index; and those of reading.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        let start = self.offset;
        for expected in std::mem::take(&mut self.index) {
            let entry = (self.varint()?, self.varint()?, self.varint()?);
            if entry != (expected.0.into(), expected.1, expected.2) {
                return Err(damaged("its index is not that of its pages"));
            }
        }
        let size = self.offset + 1 - start;
        if self.varint()? != 0 || u64::from_be_bytes(self.take::<8>()?) != size {
            return Err(damaged("its index is not that of its pages"));
        }
        let after = u64::from_be_bytes(self.take::<8>()?);
        let mut checksum = [0; TRAILER - 8];
        read_exact(&mut self.from, &mut checksum)?;
        if u64::from_be_bytes(checksum) != FLAG | self.crc.finish() {
            return Err(damaged("its checksum is another"));
        }
        if self.from.read(&mut [0])? != 0 {
            return Err(damaged("something follows its end"));
        }
        Ok(after)
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.take::<1>()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(damaged("its index is not that of its pages"))
    }
}

/// As `Read::read_exact`, with the words of this format.
fn read_exact(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<()> {
    from.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => damaged("it is cut off"),
        _ => error,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    type Page = (u32, Vec<u8>);

    struct Listed<'a>(std::slice::Iter<'a, Page>);

    impl PageSource for Listed<'_> {
        fn next(&mut self, data: &mut [u8]) -> io::Result<Option<u32>> {
            Ok(self.0.next().map(|(number, page)| {
                data.copy_from_slice(page);
                *number
            }))
        }
    }

    fn header(first: u64, pages: u32) -> Header {
        Header { flags: 0, page_size: 512, pages, first, last: 7, time: 1_234, before: 0 }
    }

    fn encode(header: Header, pages: &[Page]) -> (Vec<u8>, u64) {
        let (mut checksums, mut file) = (PageChecksums::default(), Vec::new());
        let source = Listed(pages.iter());
        Encoder::new(header, source, &mut checksums).read_to_end(&mut file).unwrap();
        (file, checksums.whole())
    }

    fn decode(file: &[u8]) -> io::Result<(Header, Vec<Page>, u64)> {
        let mut decoder = Decoder::new(file)?;
        let (mut pages, mut data) = (Vec::new(), vec![0; 512]);
        while let Some(number) = decoder.next(&mut data)? {
            pages.push((number, data.clone()));
        }
        let header = *decoder.header();
        Ok((header, pages, decoder.finish()?))
    }

    fn pages() -> Vec<Page> {
        let noise = (0..512u32).map(|it| (it.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        vec![(1, vec![7; 512]), (2, noise), (300, (0..512).map(|it| it as u8).collect())]
    }

    #[test]
    fn what_is_written_is_read_back() {
        let (file, after) = encode(header(5, 300), &pages());
        assert_eq!(decode(&file).unwrap(), (header(5, 300), pages(), after));
        assert!(file.len() < 1024 + 512, "{} bytes: pages are packed", file.len());
    }

    #[test]
    fn no_byte_of_a_file_can_be_another_and_none_missing() {
        let (file, _) = encode(header(5, 300), &pages());
        for at in 0..file.len() {
            let mut other = file.clone();
            other[at] ^= 0x10;
            assert!(decode(&other).is_err(), "byte {at}");
            assert!(decode(&file[..at]).is_err(), "cut off at {at}");
        }
        assert!(decode(&[&file[..], &[0]].concat()).is_err());
    }
}
