//! Replies, and how they become bytes.

use std::collections::HashSet;

use super::numbers::{cell, kind, reply};
use super::timed::Timed;
use super::watch::SentUpdate;
use crate::api::table::Key;
use crate::error::{Error, Result};
use crate::exec::target::Executed;
use crate::platform;
use crate::program::StepOutcome;
use crate::row::{Page, Row, Rows};

/// The outcome of a request.
pub(super) enum Outcome {
    Done,
    Executed(Executed),
    ExecutedList(Vec<Executed>),
    Count(u64),
    Bool(bool),
    Key(Key),
    Rows(Rows),
    Row(Option<Row>),
    /// The next rows of a stream; none: it is over.
    Next(Option<Rows>),
    /// Everything about a statement.
    Ran(Box<StepOutcome>),
    /// The next result of a watch; none: it is over.
    Update(Option<Box<SentUpdate>>),
    /// The next results of a watch of several queries; none: it is over.
    Updates(Option<Vec<SentUpdate>>),
    /// The request's number names what it made.
    Handle,
    Bits(u32),
}

/// How much memory is kept between replies: a part of a long one fits.
const KEPT: usize = 1 << 19;

/// How many lists of column names a client remembers.
const REMEMBERED: usize = 512;

/// The replies that are ready, and what the client already knows.
#[derive(Debug)]
pub(super) struct ReplyBatch {
    bytes: Vec<u8>,
    /// The lists of column names that the client was sent; none: it remembers none, so it is sent
    /// them each time.
    told: Option<HashSet<u64>>,
}

impl Default for ReplyBatch {
    fn default() -> Self {
        Self { bytes: Vec::new(), told: Some(HashSet::new()) }
    }
}

impl ReplyBatch {
    /// Adds replies to these, each with the names of its columns.
    pub(super) fn on(bytes: Vec<u8>) -> Self {
        Self { bytes, told: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Swaps the replies for memory for the next ones, of which no more is kept than most need.
    pub(super) fn exchange(&mut self, memory: &mut Vec<u8>) {
        memory.clear();
        memory.shrink_to(KEPT);
        std::mem::swap(memory, &mut self.bytes);
    }

    /// Reports that the caller's rows were taken: it may send more.
    pub(super) fn credit(&mut self, id: u32) {
        let start = self.open(id, kind::CREDIT, 0, 0);
        self.close(start);
    }

    /// Reports how long a request has waited and run, if its client wants to know.
    pub(super) fn times(&mut self, id: u32, timed: Option<&Timed>, result: &Result<Outcome>) {
        let Some(timed) = timed else { return };
        let (times, summary) = (&timed.times, timed.summary().as_bytes());
        let numbers = [times.waited(), times.ran()].map(|time| platform::nanos(time).to_le_bytes());
        let counts = timed.counts(result);
        let counts = [counts.rows, counts.changes].map(|it| it.unwrap_or(u64::MAX).to_le_bytes());
        let mut payload = [numbers.as_flattened(), summary].concat();
        payload.resize(payload.len().next_multiple_of(8), 0);
        payload.extend_from_slice(counts.as_flattened());
        self.plain(id, kind::TIMES, summary.len(), &payload);
    }

    pub(super) fn result(&mut self, id: u32, result: &Result<Outcome>) {
        match result {
            Ok(outcome) => self.outcome(id, outcome),
            Err(error) => self.error(id, error),
        }
    }

    fn error(&mut self, id: u32, error: &Error) {
        let json = describe(error).to_string();
        let start = self.open(id, kind::ERROR, 0, json.len());
        self.bytes.extend_from_slice(json.as_bytes());
        self.close(start);
    }

    fn outcome(&mut self, id: u32, outcome: &Outcome) {
        match outcome {
            Outcome::Done => self.plain(id, kind::DONE, 0, &[]),
            Outcome::Executed(executed) => {
                self.plain(id, kind::EXECUTED, 0, &[numbers(executed)].concat());
            }
            Outcome::ExecutedList(list) => {
                let bytes: Vec<u8> = list.iter().flat_map(numbers).collect();
                self.plain(id, kind::EXECUTED_LIST, list.len(), &bytes);
            }
            Outcome::Count(count) => self.plain(id, kind::COUNT, 0, &count.to_le_bytes()),
            Outcome::Bool(yes) => self.plain(id, kind::BOOL, usize::from(*yes), &[]),
            Outcome::Handle => self.plain(id, kind::HANDLE, id as usize, &[]),
            Outcome::Bits(bits) => self.plain(id, kind::BITS, *bits as usize, &[]),
            Outcome::Key(key) => self.pages(id, kind::KEY, 0, &[ReplyPart::whole(&key.as_page())]),
            Outcome::Rows(rows) => self.rows(id, 0, rows),
            Outcome::Ran(outcome) => self.ran(id, outcome),
            Outcome::Update(None) => self.plain_flagged(id, kind::UPDATE, reply::END),
            Outcome::Update(Some(update)) => self.update(id, update),
            Outcome::Updates(None) => self.plain_flagged(id, kind::UPDATES, reply::END),
            Outcome::Updates(Some(updates)) => {
                let start = self.open(id, kind::UPDATES, 0, updates.len());
                updates.iter().for_each(|update| self.update(id, update));
                self.close(start);
            }
            Outcome::Row(None) => self.pages(id, kind::ROWS, 0, &[]),
            Outcome::Row(Some(row)) => {
                let (page, cells) = row.place();
                self.pages(id, kind::ROWS, 0, &[ReplyPart { page, cells }]);
            }
            Outcome::Next(None) => self.pages(id, kind::ROWS, reply::END, &[]),
            Outcome::Next(Some(rows)) => self.rows(id, 0, rows),
        }
    }

    /// Writes rows of a query that is still running.
    pub(super) fn part(&mut self, id: u32, page: &Page) {
        self.pages(id, kind::ROWS, reply::CONTINUES, &[ReplyPart::whole(page)]);
    }

    fn rows(&mut self, id: u32, flags: u8, rows: &Rows) {
        let pages = rows.pages();
        if let [page] = pages {
            return self.pages(id, kind::ROWS, flags, &[ReplyPart::whole(page)]);
        }
        let parts: Vec<ReplyPart<'_>> = pages.iter().map(|page| ReplyPart::whole(page)).collect();
        self.pages(id, kind::ROWS, flags, &parts);
    }

    /// Writes everything about a statement: see [`kind::RAN`].
    fn ran(&mut self, id: u32, outcome: &StepOutcome) {
        let description = outcome.description.as_deref();
        let columns = description.into_iter().flat_map(|it| it.columns());
        let columns: Vec<_> = columns.collect();
        let json = serde_json::json!(columns).to_string();
        let mut head = numbers(&Executed::from(outcome)).to_vec();
        #[allow(clippy::cast_possible_truncation, reason = "what is counted is below 4 GiB")]
        head.extend_from_slice(&u64::from(json.len() as u32).to_le_bytes());
        head.extend_from_slice(json.as_bytes());
        head.resize(head.len().next_multiple_of(8), 0);
        let parts: Vec<ReplyPart<'_>> =
            outcome.rows.pages().iter().map(|page| ReplyPart::whole(page)).collect();
        self.pages_after(id, kind::RAN, 0, &head, &parts);
    }

    /// Writes a result of a watch: see [`kind::UPDATE`].
    fn update(&mut self, id: u32, update: &SentUpdate) {
        let SentUpdate { number, moment, delta, whole, diff } = update;
        #[allow(clippy::cast_possible_truncation, reason = "what is counted is below 4 GiB")]
        let small = |number: usize| number as u32;
        let rows = delta.runs.iter().map(|run| run.count).sum();
        let lists = [&diff.added, &diff.removed, &diff.updated];
        let mut words = vec![*number, small(rows), small(delta.runs.len())];
        words.extend(lists.iter().map(|list| small(list.len())));
        for run in &delta.runs {
            words.push(run.from.map_or(u32::MAX, small));
            words.push(small(run.count));
        }
        words.extend(lists.iter().flat_map(|list| list.iter().copied().map(small)));
        let mut head = moment.to_le_bytes().to_vec();
        head.extend(words.into_iter().flat_map(u32::to_le_bytes));
        head.resize(head.len().next_multiple_of(8), 0);
        let parts: Vec<ReplyPart<'_>> =
            delta.fresh.pages().iter().map(|page| ReplyPart::whole(page)).collect();
        let flags = if *whole { reply::WHOLE } else { 0 };
        self.pages_after(id, kind::UPDATE, flags, &head, &parts);
    }

    fn plain_flagged(&mut self, id: u32, kind: u8, flags: u8) {
        let start = self.open(id, kind, flags, 0);
        self.close(start);
    }

    fn plain(&mut self, id: u32, kind: u8, extra: usize, payload: &[u8]) {
        let start = self.open(id, kind, 0, extra);
        self.bytes.extend_from_slice(payload);
        self.close(start);
    }

    fn pages(&mut self, id: u32, kind: u8, flags: u8, parts: &[ReplyPart<'_>]) {
        self.pages_after(id, kind, flags, &[], parts);
    }

    /// Writes pages with `head` before them.
    fn pages_after(&mut self, id: u32, kind: u8, flags: u8, head: &[u8], parts: &[ReplyPart<'_>]) {
        let columns = parts.first().map(|part| part.page.columns());
        let full = self.told.as_mut().filter(|told| told.len() >= REMEMBERED);
        let flags = if full.is_some() { flags | reply::FORGET } else { flags };
        full.into_iter().for_each(HashSet::clear);
        let size: usize = parts.iter().map(ReplyPart::size).sum();
        // Besides the pages there are headers, and sometimes names.
        self.bytes
            .reserve(size + head.len() + columns.map_or(0, |columns| columns.json().len()) + 64);
        let start = self.open(id, kind, flags, parts.len());
        self.bytes.extend_from_slice(head);
        let (serial, width) = columns.map_or((0, 0), |columns| (columns.serial(), columns.len()));
        let news = self.told.as_mut().is_none_or(|told| told.insert(serial));
        let names = columns.filter(|_| news).map_or("", |columns| columns.json());
        // Numbers are unique up to 2^32, of which a client remembers the last few.
        self.u32(serial as u32);
        self.len32(width);
        self.len32(names.len());
        self.u32(0);
        self.bytes.extend_from_slice(names.as_bytes());
        self.pad();
        for part in parts {
            self.page(part, width);
        }
        self.close(start);
    }

    fn page(&mut self, part: &ReplyPart<'_>, width: usize) {
        let (cells, heap) = part.page.raw(part.cells.clone());
        // Otherwise one row of many would carry the bytes of all.
        let whole = part.cells.len() == part.page.cells();
        let (base, heap) = if whole { (0, heap) } else { part.heap(heap) };
        let ascii = is_ascii(heap);
        self.len32(part.cells.len().checked_div(width).unwrap_or(0));
        self.len32(heap.len());
        self.u32(u32::from(ascii));
        self.u32(0);
        let first = self.bytes.len();
        self.bytes.extend_from_slice(cells);
        // The head of an ASCII page says so: most go out unchanged.
        if !ascii || base != 0 {
            for cell in self.bytes[first..].chunks_exact_mut(cell::SIZE) {
                mark(cell, base, heap);
            }
        }
        self.bytes.extend_from_slice(heap);
        self.pad();
    }

    fn open(&mut self, id: u32, kind: u8, flags: u8, extra: usize) -> usize {
        let start = self.bytes.len();
        self.u32(0);
        self.u32(id);
        self.bytes.extend_from_slice(&[kind, flags, 0, 0]);
        self.len32(extra);
        start
    }

    fn close(&mut self, start: usize) {
        self.pad();
        #[allow(clippy::cast_possible_truncation, reason = "a page is below 4 GiB")]
        let length = (self.bytes.len() - start) as u32;
        self.bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
    }

    fn u32(&mut self, number: u32) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    fn len32(&mut self, len: usize) {
        #[allow(clippy::cast_possible_truncation, reason = "what is counted is below 4 GiB")]
        self.u32(len as u32);
    }
}

/// Cells of a page: all of them, or a row's.
struct ReplyPart<'a> {
    page: &'a Page,
    cells: std::ops::Range<usize>,
}

impl<'a> ReplyPart<'a> {
    fn whole(page: &'a Page) -> Self {
        Self { page, cells: 0..page.cells() }
    }

    /// About how many bytes it takes.
    fn size(&self) -> usize {
        let (cells, heap) = self.page.raw(self.cells.clone());
        let whole = self.cells.len() == self.page.cells();
        cells.len() + 24 + if whole { heap.len() } else { 0 }
    }

    /// The bytes that the cells use, and where they begin in the heap: a row's
    /// bytes lie together.
    fn heap<'h>(&self, heap: &'h [u8]) -> (usize, &'h [u8]) {
        let (bytes, _) = self.page.raw(self.cells.clone());
        let mut range: Option<(usize, usize)> = None;
        for cell in bytes.chunks_exact(cell::SIZE) {
            let (kind, len, offset) = parts(cell);
            if kind == cell::TEXT || kind == cell::BLOB {
                let (start, end) = range.unwrap_or((offset, offset));
                range = Some((start.min(offset), end.max(offset + len)));
            }
        }
        let (start, end) = range.unwrap_or((0, 0));
        (start, heap.get(start..end).unwrap_or_default())
    }
}

fn parts(cell: &[u8]) -> (u32, usize, usize) {
    // Byte by byte: copying four is a call in code optimized for size.
    let word = |at: usize| u32::from_le_bytes([cell[at], cell[at + 1], cell[at + 2], cell[at + 3]]);
    (word(0), word(4) as usize, word(8) as usize)
}

/// Marks texts that are all ASCII, and counts offsets from `base`.
fn mark(cell: &mut [u8], base: usize, heap: &[u8]) {
    let (kind, len, offset) = parts(cell);
    if kind != cell::TEXT && kind != cell::BLOB {
        return;
    }
    let offset = offset.saturating_sub(base);
    if base != 0 {
        cell[8..16].copy_from_slice(&(offset as u64).to_le_bytes());
    }
    if kind == cell::TEXT && heap.get(offset..offset + len).is_some_and(is_ascii) {
        cell[0..4].copy_from_slice(&cell::ASCII.to_le_bytes());
    }
}

/// Like the standard library's, which is several times as slow in code optimized for size: this is
/// most of what a page costs besides copying it.
fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().fold(0, |all, word| all | u64::from_ne_bytes(*word)) & HIGH == 0
        && rest.iter().all(u8::is_ascii)
}

fn numbers(executed: &Executed) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&executed.rows_changed.to_le_bytes());
    bytes[8..].copy_from_slice(&executed.last_row_id.to_le_bytes());
    bytes
}

/// The error's fields, as every binding passes them on.
pub(super) fn describe(error: &Error) -> serde_json::Value {
    let mut fields = serde_json::Map::new();
    fields.insert("kind".into(), error.kind().name().into());
    fields.insert("message".into(), error.message().into());
    fields.insert("columns".into(), error.columns().into());
    if let Some(code) = error.code() {
        fields.insert("code".into(), code.into());
    }
    if let Some(table) = error.table() {
        fields.insert("table".into(), table.into());
    }
    if let Some(offset) = error.offset() {
        fields.insert("offset".into(), offset.into());
    }
    if let Some(index) = error.index() {
        fields.insert("index".into(), index.into());
    }
    if let Some(path) = error.path() {
        fields.insert("path".into(), path.to_string_lossy().into());
    }
    fields.into()
}
