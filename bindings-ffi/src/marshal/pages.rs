//! The pages of a reply, as the core wrote them.

use ubiqlite::ext::wire::numbers::cell;

use super::write::MarshalWriter;

pub(super) struct PageHead<'a> {
    pub(super) serial: u32,
    pub(super) width: usize,
    pub(super) names: &'a [u8],
}

/// A page as the core wrote it.
pub(super) struct WirePage<'a> {
    pub(super) width: usize,
    pub(super) rows: usize,
    /// All of its text is ASCII.
    ascii: bool,
    pub(super) cells: &'a [u8],
    pub(super) heap: &'a [u8],
}

/// The pages of a reply; mostly one.
pub(super) fn read(payload: &[u8], count: u32) -> Option<(Vec<WirePage<'_>>, PageHead<'_>)> {
    let width = u32_at(payload, 4)? as usize;
    let named = u32_at(payload, 8)? as usize;
    let head = PageHead { serial: u32_at(payload, 0)?, width, names: payload.get(16..16 + named)? };
    let mut rest = payload.get((16 + named).next_multiple_of(8)..)?;
    let mut pages = Vec::with_capacity((count as usize).min(payload.len()));
    for _ in 0..count {
        let (rows, heap) = (u32_at(rest, 0)? as usize, u32_at(rest, 4)? as usize);
        let ascii = u32_at(rest, 8)? != 0;
        let cells = rows.checked_mul(width)?.checked_mul(cell::SIZE)?;
        let all = 16usize.checked_add(cells)?.checked_add(heap)?;
        let (page, after) = rest.split_at_checked(all.checked_next_multiple_of(8)?)?;
        let (cells, heap) = page.get(16..all)?.split_at_checked(cells)?;
        pages.push(WirePage { width, rows, ascii, cells, heap });
        rest = after;
    }
    Some((pages, head))
}

impl<'a> WirePage<'a> {
    #[inline]
    pub(super) fn row(
        &self,
        index: usize,
    ) -> Option<impl Iterator<Item = &'a [u8; cell::SIZE]> + use<'a>> {
        let size = self.width * cell::SIZE;
        let (cells, _) =
            self.cells.get(index * size..(index + 1) * size)?.as_chunks::<{ cell::SIZE }>();
        Some(cells.iter())
    }

    #[inline]
    pub(super) fn cell(&self, cell: &[u8; cell::SIZE], out: &mut MarshalWriter) -> Option<()> {
        let [a, b, c, d, e, f, g, h, bits @ ..] = *cell;
        let bits = u64::from_le_bytes(bits);
        match u32::from_le_bytes([a, b, c, d]) {
            cell::INTEGER => out.int(bits.cast_signed()),
            cell::REAL => out.float(f64::from_bits(bits)),
            kind @ (cell::TEXT | cell::BLOB | cell::ASCII) => {
                let start = usize::try_from(bits).ok()?;
                let end = start.checked_add(u32::from_le_bytes([e, f, g, h]) as usize)?;
                let bytes = self.heap.get(start..end)?;
                match kind {
                    cell::ASCII => out.ascii(bytes),
                    cell::TEXT if self.ascii => out.ascii(bytes),
                    cell::TEXT => match std::str::from_utf8(bytes) {
                        Ok(text) => out.text(text),
                        // What is not a text for Python is passed as it is.
                        Err(_) => out.blob(bytes),
                    },
                    _ => out.blob(bytes),
                }
            }
            _ => out.none(),
        }
        Some(())
    }
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn i64_at(bytes: &[u8], at: usize) -> Option<i64> {
    Some(i64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
