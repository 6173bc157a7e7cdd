//! Replies of a DB-API connection, as tuples that `marshal.loads` reads.
//!
//! `(id, 0, in_transaction, total_changes, last_row_id, …)` on success, with `changed or None, rows
//! or None, bits, serial, names and declared types, or None if they were sent before` for a
//! statement (bits: 1 there are more rows, 2 some texts are tuples, 4 there was a statement),
//! `code, remaining, pages, number` for a backup, `value` for a setting, `number, bytes` for a blob
//! that was opened and `bytes` for one that was read; `(id, 1, in_transaction, total_changes,
//! last_row_id, code or None, kind, message)` on failure.
//!
//! A row is a tuple. A text is a `str`; if it is not UTF-8, and always if the request's number has
//! [`BYTES`], it is a tuple of its bytes.

use std::collections::HashSet;

use ubiqlite::ext::backend::Page;
use ubiqlite::ext::dbapi::{ConnectionState, DbapiResult, Shape};
use ubiqlite::{Result, ValueRef};

use super::backup::BackupProgress;
use super::blobs::Did;
use super::settings::Is;
use crate::client::{CallStatus, DrainStatus};
use crate::marshal::write::{HEAD, MarshalWriter, list_head};

/// In a request's number: texts are wanted as bytes.
const BYTES: u32 = 1 << 30;

/// How many shapes are remembered. Python has the same rule.
const REMEMBERED: usize = 512;

/// Memory of more bytes than this is not kept.
const LARGE: usize = 1 << 20;

/// The outcome of a request.
pub(super) enum ReplyBody {
    Done,
    Asked(DbapiResult),
    Progress(BackupProgress),
    Setting(Is),
    Blob(Did),
}

/// Replies that wait to be taken, and what Python already knows.
#[derive(Debug, Default)]
pub(super) struct ReplyWriter {
    kept: MarshalWriter,
    count: u32,
    shapes: HashSet<u64>,
}

impl ReplyWriter {
    /// Writes a reply to the caller's room, or keeps it to be taken at once.
    pub(super) fn put(
        &mut self,
        id: u32,
        result: &Result<ReplyBody>,
        state: Option<ConnectionState>,
        room: &mut [u8],
    ) -> CallStatus {
        let alone = self.count == 0;
        self.keep(id, result, state);
        let length = self.kept.len();
        match room.get_mut(..length).filter(|_| alone) {
            None => CallStatus::NeedsRoom(length + HEAD),
            Some(room) => {
                room.copy_from_slice(self.kept.bytes());
                self.forget();
                CallStatus::Replied(length)
            }
        }
    }

    pub(super) fn keep(
        &mut self,
        id: u32,
        result: &Result<ReplyBody>,
        state: Option<ConnectionState>,
    ) {
        self.count += 1;
        let out = &mut self.kept;
        let items = match result {
            Ok(ReplyBody::Done | ReplyBody::Blob(Did::Done)) => 0,
            Ok(ReplyBody::Setting(_) | ReplyBody::Blob(Did::Read(_))) => 1,
            Ok(ReplyBody::Blob(Did::Opened(..))) => 2,
            Err(_) => 3,
            Ok(ReplyBody::Progress(_)) => 4,
            Ok(ReplyBody::Asked(_)) => 5,
        };
        out.tuple(5 + items);
        out.int(i64::from(id));
        out.int(i64::from(result.is_err()));
        let state = match result {
            Ok(ReplyBody::Asked(result)) => result.state,
            _ => state.unwrap_or_default(),
        };
        out.bool(state.in_transaction);
        out.int(state.total_changes.cast_signed());
        out.int(state.last_row_id);
        match result {
            Ok(ReplyBody::Done | ReplyBody::Blob(Did::Done)) => {}
            Ok(ReplyBody::Setting(Is::Number(number))) => out.int(*number),
            Ok(ReplyBody::Setting(Is::Bytes(None))) => out.none(),
            Ok(ReplyBody::Setting(Is::Bytes(Some(bytes))) | ReplyBody::Blob(Did::Read(bytes))) => {
                out.blob(bytes);
            }
            Ok(ReplyBody::Blob(Did::Opened(number, length))) => {
                out.int(i64::from(*number));
                out.int(i64::from(*length));
            }
            Ok(ReplyBody::Asked(result)) => asked(result, id & BYTES != 0, &mut self.shapes, out),
            Ok(ReplyBody::Progress(progress)) => {
                out.int(i64::from(progress.code));
                out.int(i64::from(progress.remaining));
                out.int(i64::from(progress.pages));
                out.int(i64::from(progress.number));
            }
            Err(error) => {
                match error.code() {
                    Some(code) => out.int(i64::from(code)),
                    None => out.none(),
                }
                out.text(error.kind().name());
                out.text(error.message());
            }
        }
    }

    pub(super) fn take(&mut self, room: &mut [u8]) -> DrainStatus {
        if self.count == 0 {
            return DrainStatus::Nothing;
        }
        let head = list_head(self.count);
        let needed = head.len() + self.kept.len();
        let Some(room) = room.get_mut(..needed) else { return DrainStatus::NeedsRoom(needed) };
        let (first, rest) = room.split_at_mut(head.len());
        first.copy_from_slice(&head);
        rest.copy_from_slice(self.kept.bytes());
        self.forget();
        DrainStatus::Replies(needed)
    }

    fn forget(&mut self) {
        self.count = 0;
        self.kept.clear(LARGE);
    }
}

fn asked(result: &DbapiResult, bytes: bool, shapes: &mut HashSet<u64>, out: &mut MarshalWriter) {
    match result.changed {
        Some(changed) => out.int(changed.cast_signed()),
        None => out.none(),
    }
    let tuples = match &result.page {
        Some(page) => rows(page, bytes, out),
        None => {
            out.none();
            false
        }
    };
    out.int(i64::from(result.more) | i64::from(tuples) << 1 | i64::from(result.ran) << 2);
    match &result.shape {
        None => {
            out.int(0);
            out.none();
        }
        Some(shape) => {
            // From 1: none is 0.
            out.int(shape.serial().wrapping_add(1).cast_signed());
            if shapes.len() >= REMEMBERED {
                shapes.clear();
            }
            if shapes.insert(shape.serial()) {
                self::shape(shape, out);
            } else {
                out.none();
            }
        }
    }
}

fn shape(shape: &Shape, out: &mut MarshalWriter) {
    out.tuple(2);
    out.tuple(shape.names().len());
    shape.names().iter().for_each(|name| out.text(name));
    out.tuple(shape.declared().len());
    for declared in shape.declared() {
        match declared {
            Some(declared) => out.text(declared),
            None => out.none(),
        }
    }
}

/// Writes the rows, and returns whether some texts are tuples.
fn rows(page: &Page, bytes: bool, out: &mut MarshalWriter) -> bool {
    let mut tuples = false;
    let (count, width) = (page.rows(), page.columns().len());
    out.list(u32::try_from(count).unwrap_or(u32::MAX));
    for row in 0..count {
        out.tuple(width);
        for column in 0..width {
            match page.cell(row * width + column) {
                ValueRef::Null => out.none(),
                ValueRef::Integer(number) => out.int(number),
                ValueRef::Real(number) => out.float(number),
                ValueRef::Blob(blob) => out.blob(blob),
                ValueRef::Text(text) => match std::str::from_utf8(text) {
                    Ok(text) if !bytes => out.text(text),
                    _ => {
                        tuples = true;
                        out.tuple(1);
                        out.blob(text);
                    }
                },
            }
        }
    }
    tuples
}
