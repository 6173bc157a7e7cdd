//! Replies, from the core's format to `marshal`.
//!
//! A reply is a tuple `(id, kind, …)`, where `…` is
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
//! | 7 rows | the rows in a list, the number of their names, the names as a tuple if they are sent (`names.rs`), whether the stream is over, or none: more rows of the same reply follow |
//! | 11 run | rows changed, last row id, a tuple of (name, declared type or `None`) for each column, the rows in a list |
//! | 12 update | the new rows in a list, the number of their names, the names as a tuple or `None`, and `None` if the watch is over, or a tuple: the commits, the result's number, whether it is whole, its rows, its runs, how many rows are new, gone and different, and the words of all these as bytes |
//! | 13 updates | for each result a tuple of what an update has after its kind, in a list; 0; `None`; and `None` if the watch is over, or `True`. A tuple without the last, and more rows in the next: all of them are one result |
//! | 14 times | nanoseconds that it waited, and that it ran; what it is; how many rows it has returned and changed, or `None`; its error as JSON, or `None` |
//!
//! The times of a request come under its number with [`TOLD`](super::times::TOLD): of a call that replies at once after
//! its reply, so that whoever reads that alone need not know of them; otherwise before it.
//!
//! Rows are tuples, or dicts if the request's number has [`DICTS`].

use std::collections::VecDeque;

use ubiqlite::ext::wire::numbers::{kind, reply as flag};

use super::names::{Names, Tell};
use super::pages::{PageHead, WirePage, i64_at, read, u32_at};
use super::times::{is_times, times};
use super::update::UpdateHead;
use super::write::MarshalWriter;

/// In a request's number: rows are wanted as dicts.
pub(super) const DICTS: u32 = 1 << 30;

/// About how many bytes are translated at a time: Python reads them within a fraction of a
/// millisecond.
const PIECE: usize = 16 << 10;

/// Replies of the core that Python does not have yet. A long one goes out in pieces.
#[derive(Debug, Default)]
pub(super) struct Replies {
    waiting: VecDeque<Vec<u8>>,
    /// Where the next reply begins in the first of those.
    at: usize,
    /// Its first row that has not gone out yet.
    from: RowIndex,
}

/// A row of a reply: the result, where a reply has several, the page, and which of its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct RowIndex {
    result: usize,
    page: usize,
    index: usize,
}

impl Replies {
    pub(super) fn add(&mut self, replies: Vec<u8>) {
        if !replies.is_empty() {
            self.waiting.push_back(replies);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Writes the next ones, or a piece of one, and returns how many tuples that is.
    pub(super) fn translate(&mut self, names: &mut Names, out: &mut MarshalWriter) -> u32 {
        let until = out.len() + PIECE;
        let mut count = 0;
        while let Some(bytes) = self.waiting.front().filter(|_| out.len() < until) {
            let Some(reply) = reply_at(bytes, self.at) else {
                self.waiting.pop_front();
                self.at = 0;
                continue;
            };
            count += 1;
            if is_times(reply) {
                times(reply, reply_at(bytes, self.at + reply.len()), out);
                self.at += reply.len();
                continue;
            }
            self.from = written(reply, self.from, until, names, Tell::Always, out);
            if self.from == RowIndex::default() {
                self.at += reply.len();
                if self.at >= bytes.len() {
                    self.waiting.pop_front();
                    self.at = 0;
                }
            }
        }
        count
    }
}

/// Writes one reply as a whole, and then its times, if it has some. Returns how many tuples that
/// is, and the length of the times.
pub(super) fn whole(
    bytes: &[u8],
    names: &mut Names,
    tell: Tell,
    out: &mut MarshalWriter,
) -> (u32, usize) {
    let Some(first) = reply_at(bytes, 0) else { return (0, 0) };
    let whole = RowIndex::default();
    if !is_times(first) {
        written(first, whole, usize::MAX, names, tell, out);
        return (1, 0);
    }
    let reply = reply_at(bytes, first.len());
    if let Some(reply) = reply {
        written(reply, whole, usize::MAX, names, tell, out);
    }
    let before = out.len();
    times(first, reply, out);
    (1 + u32::from(reply.is_some()), out.len() - before)
}

fn reply_at(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let rest = bytes.get(at..)?;
    rest.get(..(u32_at(rest, 0)? as usize).max(16))
}

/// Writes a reply from a row on, and returns the row to continue with; the first one: that was all.
fn written(
    reply: &[u8],
    from: RowIndex,
    until: usize,
    names: &mut Names,
    tell: Tell,
    out: &mut MarshalWriter,
) -> RowIndex {
    let position = out.position();
    one(reply, from, until, names, tell, out).unwrap_or_else(|| {
        // The core's writer and this reader differ: a defect, which is reported.
        out.back_to(position);
        defect(reply, out);
        RowIndex::default()
    })
}

#[cold]
pub(super) fn defect(reply: &[u8], out: &mut MarshalWriter) {
    out.tuple(3);
    out.int(i64::from(u32_at(reply, 4).unwrap_or(0)));
    out.int(i64::from(kind::ERROR));
    out.text(r#"{"kind": "Internal", "message": "the reply can't be read: this is a defect"}"#);
}

fn one(
    reply: &[u8],
    from: RowIndex,
    until: usize,
    names: &mut Names,
    tell: Tell,
    out: &mut MarshalWriter,
) -> Option<RowIndex> {
    let id = u32_at(reply, 4)?;
    let (kind, flags) = (*reply.get(8)?, *reply.get(9)?);
    let extra = u32_at(reply, 12)?;
    let payload = reply.get(16..)?;
    let head = |out: &mut MarshalWriter, items: usize| {
        out.tuple(items + 2);
        out.int(i64::from(id));
        out.int(i64::from(kind));
    };
    // Rows as the request wants them, the number of their names, and the names if they are to be sent.
    let mut rows_from =
        |from, pages: &[WirePage<'_>], of: &PageHead<'_>, until, out: &mut MarshalWriter| {
            if id & DICTS == 0 {
                tuples(pages, from, until, of, names, tell, out)
            } else {
                dicts(pages, from, until, of, names, out)
            }
        };
    let mut rows = |pages: &[WirePage<'_>], of: &PageHead<'_>, until, out: &mut MarshalWriter| {
        rows_from(from, pages, of, until, out)
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
            let next = rows(&pages, &head_of, until, out)?;
            if next != RowIndex::default() || flags & flag::CONTINUES != 0 {
                out.none();
            } else {
                out.bool(flags & flag::END != 0);
            }
            return Some(next);
        }
        kind::RAN => {
            let length = u32_at(payload, 16)? as usize;
            let columns: Vec<(String, Option<String>)> =
                serde_json::from_slice(payload.get(24..24 + length)?).ok()?;
            let (pages, _) = read(payload.get((24 + length).next_multiple_of(8)..)?, extra)?;
            let position = out.position();
            // Its first rows go out like those of a query: what else it has comes with the last.
            out.tuple(6);
            out.int(i64::from(id));
            out.int(i64::from(kind::ROWS));
            let next = list(&pages, from, until, out, tuple)?;
            if next != RowIndex::default() {
                out.int(0);
                out.none();
                out.none();
                return Some(next);
            }
            out.back_to(position);
            head(out, 4);
            out.int(i64_at(payload, 0)?);
            out.int(i64_at(payload, 8)?);
            out.tuple(columns.len());
            for (name, declared) in &columns {
                out.tuple(2);
                out.text(name);
                match declared {
                    Some(declared) => out.text(declared),
                    None => out.none(),
                }
            }
            list(&pages, from, usize::MAX, out, tuple)?;
        }
        kind::UPDATE | kind::UPDATES if flags & flag::END != 0 => {
            head(out, 4);
            out.list(0);
            out.int(0);
            out.none();
            out.none();
        }
        kind::UPDATE => {
            let (update, rest) = UpdateHead::read(payload)?;
            let (pages, head_of) = read(rest, extra)?;
            let position = out.position();
            // As above.
            out.tuple(6);
            out.int(i64::from(id));
            out.int(i64::from(kind::ROWS));
            let next = rows(&pages, &head_of, until, out)?;
            if next != RowIndex::default() {
                out.none();
                return Some(next);
            }
            out.back_to(position);
            head(out, 4);
            rows(&pages, &head_of, usize::MAX, out)?;
            update.write(flags & flag::WHOLE != 0, out);
        }
        kind::UPDATES => {
            let position = out.position();
            // As above.
            out.tuple(6);
            out.int(i64::from(id));
            out.int(i64::from(kind::ROWS));
            let next = results(payload, extra, from, until, &mut rows_from, out)?;
            out.int(0);
            out.none();
            out.none();
            if next == RowIndex::default() {
                out.back_to(position);
                head(out, 4);
                results(payload, extra, from, usize::MAX, &mut rows_from, out)?;
                out.int(0);
                out.none();
                out.bool(true);
            }
            return Some(next);
        }
        _ => return None,
    }
    Some(RowIndex::default())
}

/// Writes a list of the results of several queries by `rows`, until `out` has `until` bytes, and
/// returns the row to continue with; the first one: these were all. A result of which there is more
/// has no head.
fn results(
    payload: &[u8],
    count: u32,
    from: RowIndex,
    until: usize,
    mut rows: impl FnMut(
        RowIndex,
        &[WirePage<'_>],
        &PageHead<'_>,
        usize,
        &mut MarshalWriter,
    ) -> Option<RowIndex>,
    out: &mut MarshalWriter,
) -> Option<RowIndex> {
    let position = out.list_of_later();
    let (mut at, mut written) = (0, 0);
    for result in 0..count as usize {
        let reply = reply_at(payload, at)?;
        at += reply.len();
        if result < from.result {
            continue;
        }
        if written > 0 && out.len() >= until {
            out.count(position, written);
            return Some(RowIndex { result, ..RowIndex::default() });
        }
        let first = if result == from.result { from } else { RowIndex::default() };
        let (update, rest) = UpdateHead::read(reply.get(16..)?)?;
        let (pages, head_of) = read(rest, u32_at(reply, 12)?)?;
        out.tuple(4);
        let next = rows(first, &pages, &head_of, until, out)?;
        written += 1;
        if next != RowIndex::default() {
            out.none();
            out.count(position, written);
            return Some(RowIndex { result, ..next });
        }
        update.write(*reply.get(9)? & flag::WHOLE != 0, out);
    }
    out.count(position, written);
    Some(RowIndex::default())
}

/// Writes a list of rows by `write`, until `out` has `until` bytes, and returns the row to continue
/// with; the first one: these were all.
fn list(
    pages: &[WirePage<'_>],
    from: RowIndex,
    until: usize,
    out: &mut MarshalWriter,
    mut write: impl FnMut(&WirePage<'_>, usize, &mut MarshalWriter) -> Option<()>,
) -> Option<RowIndex> {
    let position = out.list_of_later();
    let mut count = 0u32;
    for (number, page) in pages.iter().enumerate().skip(from.page) {
        out.reserve((page.cells.len() + page.heap.len()).min(PIECE));
        let first = if number == from.page { from.index } else { 0 };
        for index in first..page.rows {
            if count > 0 && out.len() >= until {
                out.count(position, count);
                return Some(RowIndex { result: 0, page: number, index });
            }
            write(page, index, out)?;
            count += 1;
        }
    }
    out.count(position, count);
    Some(RowIndex::default())
}

fn tuple(page: &WirePage<'_>, index: usize, out: &mut MarshalWriter) -> Option<()> {
    out.tuple(page.width);
    page.row(index)?.try_for_each(|cell| page.cell(cell, out))
}

fn tuples(
    pages: &[WirePage<'_>],
    from: RowIndex,
    until: usize,
    head: &PageHead<'_>,
    names: &mut Names,
    tell: Tell,
    out: &mut MarshalWriter,
) -> Option<RowIndex> {
    let next = list(pages, from, until, out, tuple)?;
    let any = pages.iter().any(|page| page.rows > 0);
    out.int(i64::from(if any { head.serial } else { 0 }));
    if !any || !names.tells(head.serial, tell) {
        out.none();
        return Some(next);
    }
    let names = names.of(head.serial, head.names)?;
    out.tuple(names.len());
    for name in names {
        out.name(name);
    }
    Some(next)
}

fn dicts(
    pages: &[WirePage<'_>],
    from: RowIndex,
    until: usize,
    head: &PageHead<'_>,
    names: &mut Names,
    out: &mut MarshalWriter,
) -> Option<RowIndex> {
    let any = pages.iter().any(|page| page.rows > 0);
    let names = if any { names.of(head.serial, head.names)? } else { &[] };
    if any && names.len() != head.width {
        return None;
    }
    let mut first: Option<u32> = None;
    let next = list(pages, from, until, out, |page, index, out| {
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
        Some(())
    })?;
    out.int(i64::from(if any { head.serial } else { 0 }));
    out.none();
    Some(next)
}
