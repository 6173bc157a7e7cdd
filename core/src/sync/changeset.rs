//! SQLite's format of change sets. <https://sqlite.org/session/changesetfmt.html>

use crate::error::{Error, Result};
use crate::value::ValueRef;

/// The most columns that a table of SQLite's can have.
const MOST_COLUMNS: u64 = 32_767;

/// What a change does to its row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum RowOperation {
    #[default]
    Insert,
    Update,
    Delete,
}

impl RowOperation {
    /// The byte that stands for it: SQLite's number of the operation.
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Insert => 18,
            Self::Update => 23,
            Self::Delete => 9,
        }
    }
}

/// The beginning of a table's changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TableHeader<'b> {
    pub(crate) name: &'b str,
    /// For each column its place in the primary key, counted from 1, or 0.
    pub(crate) keys: &'b [u8],
}

/// The change of one row.
#[derive(Debug, Default)]
pub(crate) struct Change<'b> {
    pub(crate) operation: RowOperation,
    /// The rows that it tells, one after the other: the one before, and the one afterwards.
    values: Vec<Option<ValueRef<'b>>>,
    columns: usize,
}

impl<'b> Change<'b> {
    /// Returns the row that has the key.
    pub(crate) fn row(&self) -> &[Option<ValueRef<'b>>] {
        &self.values[..self.columns]
    }

    /// Returns the row before, which an insertion has not: of an update, its key and what was
    /// changed.
    pub(crate) fn before(&self) -> &[Option<ValueRef<'b>>] {
        if self.operation == RowOperation::Insert { &[] } else { self.row() }
    }

    /// Returns the row afterwards, which a deletion has not: of an update, what was changed.
    pub(crate) fn after(&self) -> &[Option<ValueRef<'b>>] {
        match self.operation {
            RowOperation::Insert => self.row(),
            RowOperation::Update => &self.values[self.columns..],
            RowOperation::Delete => &[],
        }
    }
}

/// A part of a change set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangesetPart {
    /// The beginning of a table's changes: [`Reader::table`].
    Table,
    /// The change of one row: [`Reader::change`].
    Change,
}

/// Reads a change set, and finds out whether it is one. It keeps the memory of the last change for
/// the next one.
#[derive(Debug, Default)]
pub(crate) struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    table: TableHeader<'b>,
    change: Change<'b>,
}

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, ..Self::default() }
    }

    /// Reads changes of one table, whose header came before.
    pub(crate) fn within(bytes: &'b [u8], keys: &'b [u8]) -> Self {
        Self { bytes, table: TableHeader { name: "", keys }, ..Self::default() }
    }

    /// Returns the table whose header was read last.
    pub(crate) fn table(&self) -> TableHeader<'b> {
        self.table
    }

    /// Returns the change that was read last.
    pub(crate) fn change(&self) -> &Change<'b> {
        &self.change
    }

    /// Returns how many bytes were read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Returns the next part, or `None` at the end.
    ///
    /// # Errors
    /// `InvalidArgument` for bytes that are no change set.
    pub(crate) fn next(&mut self) -> Result<Option<ChangesetPart>> {
        let Some(first) = self.bytes.get(self.at) else { return Ok(None) };
        match first {
            b'T' => self.read_header().map(|()| Some(ChangesetPart::Table)),
            b'P' => Err(Error::invalid("the bytes are a patch set, which has no old values")),
            _ => self.read_change().map(|()| Some(ChangesetPart::Change)),
        }
    }

    fn read_header(&mut self) -> Result<()> {
        self.at += 1;
        let columns = self.varint()?;
        if columns == 0 || columns > MOST_COLUMNS {
            return Err(self.wrong("a table without columns, or with too many"));
        }
        let keys = self.take(columns)?;
        if keys.iter().all(|key| *key == 0) {
            return Err(self.wrong("a table without a key"));
        }
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| *byte == 0);
        let name = end.and_then(|end| std::str::from_utf8(&rest[..end]).ok());
        let name = name.filter(|name| !name.is_empty()).ok_or_else(|| self.wrong("no name"))?;
        self.at += name.len() + 1;
        self.table = TableHeader { name, keys };
        Ok(())
    }

    fn read_change(&mut self) -> Result<()> {
        let keys = self.table.keys;
        if keys.is_empty() {
            return Err(self.wrong("a change without a table"));
        }
        let operation = match self.take(2)?[0] {
            18 => RowOperation::Insert,
            23 => RowOperation::Update,
            9 => RowOperation::Delete,
            _ => return Err(self.wrong("an unknown operation")),
        };
        self.change.operation = operation;
        self.change.columns = keys.len();
        self.change.values.clear();
        let is_update = operation == RowOperation::Update;
        self.read_row(!is_update)?;
        if is_update {
            self.read_row(false)?;
            for (index, key) in keys.iter().enumerate() {
                let (old, new) = (self.change.before()[index], self.change.after()[index]);
                if *key != 0 && matches!(old, None | Some(ValueRef::Null)) {
                    return Err(self.wrong("an update without a key"));
                }
                if *key == 0 && old.is_some() != new.is_some() {
                    return Err(self.wrong("an update with half a change"));
                }
            }
        }
        Ok(())
    }

    fn read_row(&mut self, whole: bool) -> Result<()> {
        for key in self.table.keys {
            let kind = self.take(1)?[0];
            let value = match kind {
                0 if whole => return Err(self.wrong("a row without one of its values")),
                0 => None,
                1 => Some(ValueRef::Integer(i64::from_be_bytes(self.eight()?))),
                2 => Some(ValueRef::Real(f64::from_be_bytes(self.eight()?))),
                3 | 4 => {
                    let length = self.varint()?;
                    let bytes = self.take(length)?;
                    Some(if kind == 3 { ValueRef::Text(bytes) } else { ValueRef::Blob(bytes) })
                }
                5 if whole && *key != 0 => return Err(self.wrong("a row without a key")),
                5 => Some(ValueRef::Null),
                _ => return Err(self.wrong("an unknown type")),
            };
            self.change.values.push(value);
        }
        Ok(())
    }

    fn eight(&mut self) -> Result<[u8; 8]> {
        let bytes = self.take(8)?;
        bytes.try_into().map_err(|_| self.wrong("its end"))
    }

    fn take(&mut self, length: u64) -> Result<&'b [u8]> {
        let length = usize::try_from(length).ok();
        let taken = length.and_then(|length| self.bytes[self.at..].get(..length));
        let taken = taken.ok_or_else(|| self.wrong("its end"))?;
        self.at += taken.len();
        Ok(taken)
    }

    /// SQLite reads lengths of at most 32 bits.
    fn varint(&mut self) -> Result<u64> {
        let mut number = 0u64;
        for _ in 0..5 {
            let byte = self.take(1)?[0];
            number = number << 7 | u64::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return match i32::try_from(number) {
                    Ok(_) => Ok(number),
                    Err(_) => Err(self.wrong("a length above 2 GiB")),
                };
            }
        }
        Err(self.wrong("a length above 2 GiB"))
    }

    #[cold]
    fn wrong(&self, what: &str) -> Error {
        Error::invalid(format!("the bytes are not a change set: byte {}, {what}", self.at))
    }
}

/// Writes the beginning of a table's changes.
pub(crate) fn encode_header(into: &mut Vec<u8>, name: &str, keys: &[u8]) {
    into.push(b'T');
    encode_length(into, keys.len());
    into.extend_from_slice(keys);
    into.extend_from_slice(name.as_bytes());
    into.push(0);
}

/// Writes a value.
#[inline]
pub(crate) fn encode_value(into: &mut Vec<u8>, value: ValueRef<'_>) {
    let (kind, bytes) = match value {
        ValueRef::Null => return into.push(5),
        ValueRef::Integer(value) => return encode_number(into, 1, value.to_be_bytes()),
        ValueRef::Real(value) => return encode_number(into, 2, value.to_be_bytes()),
        ValueRef::Text(bytes) => (3, bytes),
        ValueRef::Blob(bytes) => (4, bytes),
    };
    into.push(kind);
    encode_length(into, bytes.len());
    into.extend_from_slice(bytes);
}

#[inline]
fn encode_number(into: &mut Vec<u8>, kind: u8, value: [u8; 8]) {
    let mut number = [kind; 9];
    number[1..].copy_from_slice(&value);
    into.extend_from_slice(&number);
}

/// Writes a value, or that it is not told.
pub(crate) fn encode_known(into: &mut Vec<u8>, value: Option<ValueRef<'_>>) {
    match value {
        Some(value) => encode_value(into, value),
        None => into.push(0),
    }
}

/// Writes a number as SQLite does: 7 bits a byte, the highest first.
#[inline]
fn encode_length(into: &mut Vec<u8>, length: usize) {
    if length < 0x80 {
        return into.push(length as u8);
    }
    // No length has more than 32 bits.
    let mut shift = 28;
    while length >> shift == 0 {
        shift -= 7;
    }
    while shift > 0 {
        into.push((length >> shift) as u8 & 0x7f | 0x80);
        shift -= 7;
    }
    into.push(length as u8 & 0x7f);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let long = vec![7; 20_000];
        let values = [
            ValueRef::Integer(i64::MIN),
            ValueRef::Real(-0.5),
            ValueRef::Text(b"lamp"),
            ValueRef::Blob(&long),
            ValueRef::Null,
        ];
        let mut bytes = Vec::new();
        encode_header(&mut bytes, "items", &[1, 0, 0, 0, 0]);
        bytes.extend([RowOperation::Insert.byte(), 0]);
        values.iter().for_each(|value| encode_value(&mut bytes, *value));
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.next().unwrap(), Some(ChangesetPart::Table));
        let TableHeader { name, keys } = reader.table();
        assert_eq!((name, keys), ("items", &[1, 0, 0, 0, 0][..]));
        assert_eq!(reader.next().unwrap(), Some(ChangesetPart::Change));
        assert_eq!(reader.change().after(), values.map(Some).as_slice());
        assert!(reader.change().before().is_empty());
        assert!(reader.next().unwrap().is_none());
    }

    #[test]
    fn a_length_of_every_size_is_read_back() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, i32::MAX as usize] {
            let mut bytes = Vec::new();
            encode_length(&mut bytes, length);
            assert_eq!(Reader::new(&bytes).varint().unwrap(), length as u64);
        }
    }
}
