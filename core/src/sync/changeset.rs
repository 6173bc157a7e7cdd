//! SQLite's format of change sets. <https://sqlite.org/session/changesetfmt.html>

use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::value::ValueRef;

/// The most columns that a table of SQLite's can have.
const MOST_COLUMNS: u64 = 32_767;

/// What a change does to its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowOperation {
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableHeader<'b> {
    pub(crate) name: &'b str,
    /// For each column its place in the primary key, counted from 1, or 0.
    pub(crate) keys: &'b [u8],
}

/// The values of a row, as far as a change tells them.
pub(crate) type RowValues<'b> = SmallVec<[Option<ValueRef<'b>>; 12]>;

/// The change of one row.
#[derive(Debug, Clone)]
pub(crate) struct Change<'b> {
    pub(crate) operation: RowOperation,
    /// The row before: of an update, its key and what was changed.
    pub(crate) old: RowValues<'b>,
    /// The row afterwards: of an update, what was changed.
    pub(crate) new: RowValues<'b>,
}

impl<'b> Change<'b> {
    /// Returns the row that has the key.
    pub(crate) fn row(&self) -> &RowValues<'b> {
        if self.operation == RowOperation::Insert { &self.new } else { &self.old }
    }
}

/// A part of a change set.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "nearly all of them are the large one")]
pub(crate) enum ChangesetPart<'b> {
    Table(TableHeader<'b>),
    Change(Change<'b>),
}

/// Reads a change set, and finds out whether it is one.
#[derive(Debug)]
pub(crate) struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    keys: &'b [u8],
}

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0, keys: &[] }
    }

    /// Reads changes of one table, whose header came before.
    pub(crate) fn within(bytes: &'b [u8], keys: &'b [u8]) -> Self {
        Self { bytes, at: 0, keys }
    }

    /// Returns how many bytes were read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Returns the next part, or `None` at the end.
    ///
    /// # Errors
    /// `InvalidArgument` for bytes that are no change set.
    pub(crate) fn next(&mut self) -> Result<Option<ChangesetPart<'b>>> {
        let Some(first) = self.bytes.get(self.at) else { return Ok(None) };
        match first {
            b'T' => self.header().map(|it| Some(ChangesetPart::Table(it))),
            b'P' => Err(Error::invalid("the bytes are a patch set, which has no old values")),
            _ => self.change().map(|it| Some(ChangesetPart::Change(it))),
        }
    }

    fn header(&mut self) -> Result<TableHeader<'b>> {
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
        self.keys = keys;
        Ok(TableHeader { name, keys })
    }

    fn change(&mut self) -> Result<Change<'b>> {
        if self.keys.is_empty() {
            return Err(self.wrong("a change without a table"));
        }
        let head = self.take(2)?;
        let operation = match head[0] {
            18 => RowOperation::Insert,
            23 => RowOperation::Update,
            9 => RowOperation::Delete,
            _ => return Err(self.wrong("an unknown operation")),
        };
        let none = RowValues::new;
        let (old, new) = match operation {
            RowOperation::Insert => (none(), self.record(true)?),
            RowOperation::Delete => (self.record(true)?, none()),
            RowOperation::Update => (self.record(false)?, self.record(false)?),
        };
        if operation == RowOperation::Update {
            for (index, key) in self.keys.iter().enumerate() {
                if *key != 0 && matches!(old[index], None | Some(ValueRef::Null)) {
                    return Err(self.wrong("an update without a key"));
                }
                if *key == 0 && old[index].is_some() != new[index].is_some() {
                    return Err(self.wrong("an update with half a change"));
                }
            }
        }
        Ok(Change { operation, old, new })
    }

    fn record(&mut self, whole: bool) -> Result<RowValues<'b>> {
        let mut values = RowValues::new();
        for index in 0..self.keys.len() {
            let value = match self.take(1)?[0] {
                0 if whole => return Err(self.wrong("a row without one of its values")),
                0 => None,
                1 => Some(ValueRef::Integer(i64::from_be_bytes(self.eight()?))),
                2 => Some(ValueRef::Real(f64::from_be_bytes(self.eight()?))),
                3 => {
                    let length = self.varint()?;
                    Some(ValueRef::Text(self.take(length)?))
                }
                4 => {
                    let length = self.varint()?;
                    Some(ValueRef::Blob(self.take(length)?))
                }
                5 if whole && self.keys[index] != 0 => {
                    return Err(self.wrong("a row without a key"));
                }
                5 => Some(ValueRef::Null),
                _ => return Err(self.wrong("an unknown type")),
            };
            values.push(value);
        }
        Ok(values)
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

/// Writes that a value is not told.
#[inline]
pub(crate) fn encode_undefined(into: &mut Vec<u8>) {
    into.push(0);
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
        let Some(ChangesetPart::Table(table)) = reader.next().unwrap() else { panic!("a table") };
        assert_eq!((table.name, table.keys), ("items", &[1, 0, 0, 0, 0][..]));
        let Some(ChangesetPart::Change(change)) = reader.next().unwrap() else {
            panic!("a change")
        };
        assert_eq!(change.new.as_slice(), values.map(Some).as_slice());
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
