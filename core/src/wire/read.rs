//! Reads requests, of which no byte is trusted.

use crate::api::table::Key;
use crate::error::{Error, Result};
use crate::sql::{Params, Record};
use crate::value::{Value, ValueRef};

/// The bytes that are yet to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct ByteReader<'a>(&'a [u8]);

impl<'a> ByteReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes that are left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    #[inline]
    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len).ok_or_else(malformed)?;
        self.0 = rest;
        Ok(head)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or_else(malformed)?;
        self.0 = rest;
        Ok(*head)
    }

    #[inline]
    pub(super) fn u8(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub(super) fn f64(&mut self) -> Result<f64> {
        self.array().map(f64::from_le_bytes)
    }

    #[inline]
    fn len(&mut self) -> Result<usize> {
        usize::try_from(self.u32()?).map_err(|_| malformed())
    }

    /// The number of items that follow, each at least one byte long: no more than there are bytes,
    /// so that a wrong number can't request much memory.
    pub(super) fn count(&mut self) -> Result<usize> {
        let count = self.len()?;
        if count > self.0.len() {
            return Err(malformed());
        }
        Ok(count)
    }

    #[inline]
    pub(super) fn str(&mut self) -> Result<&'a str> {
        let len = self.len()?;
        std::str::from_utf8(self.bytes(len)?).map_err(|_| Error::invalid("a text is not UTF-8"))
    }

    #[inline]
    pub(super) fn value(&mut self) -> Result<ValueRef<'a>> {
        Ok(match self.u8()? {
            0 => ValueRef::Null,
            1 => ValueRef::Integer(self.i64()?),
            2 => ValueRef::Real(self.f64()?),
            3 => ValueRef::Text(self.str()?.as_bytes()),
            4 => ValueRef::Blob(self.blob()?),
            _ => return Err(malformed()),
        })
    }

    pub(super) fn blob(&mut self) -> Result<&'a [u8]> {
        let len = self.len()?;
        self.bytes(len)
    }

    fn owned(&mut self) -> Result<Value> {
        self.value().map(ValueRef::to_value)
    }

    pub(super) fn list(&mut self) -> Result<Vec<Value>> {
        let count = self.count()?;
        (0..count).map(|_| self.owned()).collect()
    }

    pub(super) fn params(&mut self) -> Result<Params> {
        let mut params = Params::new();
        match self.u8()? {
            0 => {}
            1 => {
                for _ in 0..self.count()? {
                    params.push(self.value()?);
                }
            }
            2 => {
                for _ in 0..self.count()? {
                    let name = self.str()?;
                    params.push_named(name, self.value()?);
                }
            }
            _ => return Err(malformed()),
        }
        Ok(params)
    }

    pub(super) fn record(&mut self) -> Result<Record> {
        let mut record = Record::new();
        for _ in 0..self.count()? {
            let name = self.str()?;
            record.set(name, self.value()?);
        }
        Ok(record)
    }

    pub(super) fn key(&mut self) -> Result<Key> {
        self.list().map(Key::from)
    }
}

#[cold]
pub(super) fn malformed() -> Error {
    Error::invalid(
        "the request is malformed: this is a defect in the binding, or in whatever sent it",
    )
}
