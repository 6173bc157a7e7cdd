//! Replies, from the core's format to `marshal`.
//!
//! A reply is a tuple `(id, kind, …)`, and behind it stand
//!
//! | kind | |
//! |---|---|
//! | 0 done, 9 credit | nothing |
//! | 1 error | its fields as JSON |
//! | 2 executed | rows changed, last row id |
//! | 3 a list of those | a list of such pairs |
//! | 4 count, 8 handle, 10 bits | the number |
//! | 5 bool | it |
//! | 6 key | the value, or a tuple of several |
//! | 7 rows | the rows in a list, the number of their names, the names as a tuple where they are told (`names.rs`), whether the stream is over |
//!
//! Rows are tuples; dicts, where the request's number has [`DICTS`].

use ubiqlite::wire::numbers::{cell, kind, reply as flag};

use super::names::{Names, Tell};
use super::write::Writer;

/// In a request's number: rows are wanted as dicts.
pub(super) const DICTS: u32 = 1 << 30;

/// Adds these replies, and answers how many they are.
pub(super) fn translate(bytes: &[u8], names: &mut Names, tell: Tell, out: &mut Writer) -> u32 {
    let mut rest = bytes;
    let mut count = 0;
    while let Some((reply, after)) =
        u32_at(rest, 0).and_then(|length| rest.split_at_checked((length as usize).max(16)))
    {
        let place = out.place();
        if one(reply, names, tell, out).is_none() {
            // The core's writer and this reader differ: a defect, which is told.
            out.back_to(place);
            defect(reply, out);
        }
        rest = after;
        count += 1;
    }
    count
}

#[cold]
fn defect(reply: &[u8], out: &mut Writer) {
    out.tuple(3);
    out.int(i64::from(u32_at(reply, 4).unwrap_or(0)));
    out.int(i64::from(kind::ERROR));
    out.text(r#"{"kind": "Internal", "message": "the reply can't be read: this is a defect"}"#);
}

fn one(reply: &[u8], names: &mut Names, tell: Tell, out: &mut Writer) -> Option<()> {
    let id = u32_at(reply, 4)?;
    let (kind, flags) = (*reply.get(8)?, *reply.get(9)?);
    let extra = u32_at(reply, 12)?;
    let payload = reply.get(16..)?;
    let head = |out: &mut Writer, items: usize| {
        out.tuple(items + 2);
        out.int(i64::from(id));
        out.int(i64::from(kind));
    };
    match kind {
        kind::DONE | kind::CREDIT => head(out, 0),
        kind::ERROR => {
            let json = payload.get(..extra as usize)?;
            head(out, 1);
            out.text(std::str::from_utf8(json).ok()?);
        }
        kind::EXECUTED => {
            head(out, 2);
            out.int(i64_at(payload, 0)?);
            out.int(i64_at(payload, 8)?);
        }
        kind::EXECUTED_LIST => {
            head(out, 1);
            out.list(extra);
            for index in 0..extra as usize {
                out.tuple(2);
                out.int(i64_at(payload, index * 16)?);
                out.int(i64_at(payload, index * 16 + 8)?);
            }
        }
        kind::COUNT => {
            head(out, 1);
            out.int(i64_at(payload, 0)?);
        }
        kind::BOOL => {
            head(out, 1);
            out.bool(extra != 0);
        }
        kind::HANDLE | kind::BITS => {
            head(out, 1);
            out.int(i64::from(extra));
        }
        kind::KEY => {
            head(out, 1);
            let (pages, _) = read(payload, extra)?;
            let page = pages.into_iter().next();
            match page.filter(|page| page.rows > 0) {
                None => out.none(),
                Some(page) => {
                    if page.width != 1 {
                        out.tuple(page.width);
                    }
                    page.row(0)?.try_for_each(|cell| page.cell(cell, out))?;
                }
            }
        }
        kind::ROWS => {
            let (pages, head_of) = read(payload, extra)?;
            head(out, 4);
            if id & DICTS == 0 {
                tuples(&pages, &head_of, names, tell, out)?;
            } else {
                dicts(&pages, &head_of, names, out)?;
            }
            out.bool(flags & flag::END != 0);
        }
        _ => return None,
    }
    Some(())
}

/// The rows' list begins. False: there is none, and all is said.
fn begin(pages: &[Page<'_>], out: &mut Writer) -> Option<bool> {
    let count: usize = pages.iter().map(|page| page.rows).sum();
    out.reserve(pages.iter().map(|page| page.cells.len() + page.heap.len()).sum::<usize>());
    out.list(u32::try_from(count).ok()?);
    if count == 0 {
        out.int(0);
        out.none();
    }
    Some(count > 0)
}

fn tuples(
    pages: &[Page<'_>],
    head: &Head<'_>,
    names: &mut Names,
    tell: Tell,
    out: &mut Writer,
) -> Option<()> {
    if !begin(pages, out)? {
        return Some(());
    }
    for page in pages {
        for index in 0..page.rows {
            out.tuple(page.width);
            page.row(index)?.try_for_each(|cell| page.cell(cell, out))?;
        }
    }
    out.int(i64::from(head.serial));
    if !names.tells(head.serial, tell) {
        out.none();
        return Some(());
    }
    let names = names.of(head.serial, head.names)?;
    out.tuple(names.len());
    for name in names {
        out.name(name);
    }
    Some(())
}

fn dicts(pages: &[Page<'_>], head: &Head<'_>, names: &mut Names, out: &mut Writer) -> Option<()> {
    if !begin(pages, out)? {
        return Some(());
    }
    let names = names.of(head.serial, head.names)?;
    if names.len() != head.width {
        return None;
    }
    let mut first: Option<u32> = None;
    for page in pages {
        for index in 0..page.rows {
            out.dict();
            let base = first;
            for ((column, name), cell) in (0..).zip(names).zip(page.row(index)?) {
                match base {
                    Some(base) => out.again(base + column),
                    None => {
                        let number = out.name(name);
                        first.get_or_insert(number);
                    }
                }
                page.cell(cell, out)?;
            }
            out.end();
        }
    }
    out.int(i64::from(head.serial));
    out.none();
    Some(())
}

struct Head<'a> {
    serial: u32,
    width: usize,
    names: &'a [u8],
}

/// A page as the core wrote it.
struct Page<'a> {
    width: usize,
    rows: usize,
    /// All of its text is ASCII.
    ascii: bool,
    cells: &'a [u8],
    heap: &'a [u8],
}

/// The pages of a reply; mostly one.
fn read(payload: &[u8], count: u32) -> Option<(Vec<Page<'_>>, Head<'_>)> {
    let width = u32_at(payload, 4)? as usize;
    let named = u32_at(payload, 8)? as usize;
    let head = Head { serial: u32_at(payload, 0)?, width, names: payload.get(16..16 + named)? };
    let mut rest = payload.get((16 + named).next_multiple_of(8)..)?;
    let mut pages = Vec::with_capacity((count as usize).min(payload.len()));
    for _ in 0..count {
        let (rows, heap) = (u32_at(rest, 0)? as usize, u32_at(rest, 4)? as usize);
        let ascii = u32_at(rest, 8)? != 0;
        let cells = rows.checked_mul(width)?.checked_mul(cell::SIZE)?;
        let all = 16usize.checked_add(cells)?.checked_add(heap)?;
        let (page, after) = rest.split_at_checked(all.checked_next_multiple_of(8)?)?;
        let (cells, heap) = page.get(16..all)?.split_at_checked(cells)?;
        pages.push(Page { width, rows, ascii, cells, heap });
        rest = after;
    }
    Some((pages, head))
}

impl<'a> Page<'a> {
    #[inline]
    fn row(&self, index: usize) -> Option<impl Iterator<Item = &'a [u8; cell::SIZE]> + use<'a>> {
        let size = self.width * cell::SIZE;
        let (cells, _) =
            self.cells.get(index * size..(index + 1) * size)?.as_chunks::<{ cell::SIZE }>();
        Some(cells.iter())
    }

    #[inline]
    fn cell(&self, cell: &[u8; cell::SIZE], out: &mut Writer) -> Option<()> {
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
                        // What is no text for Python is given as it is.
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

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn i64_at(bytes: &[u8], at: usize) -> Option<i64> {
    Some(i64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
