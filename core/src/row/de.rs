//! A row as a serde data source: a map of its columns, or a sequence.
//!
//! serde reads some fields through its own buffer, without saying what type they
//! have: those under `#[serde(flatten)]`, and those of an enum with a tag. SQLite
//! has no booleans and no lists: such a field gets 1 where it wants `true`, and
//! text where it wants a list. The refusal tells which column it was (see
//! [`Wish`]), and the row is read again with that column as it is wanted.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::Row;
use super::wanted_form::{Given, ReadRefusal, WantedForm};
use crate::error::{Error, ErrorKind};
use crate::value::JSON;
use crate::value::ValueRef;

type ReadResult<T> = std::result::Result<T, ReadRefusal>;

/// Reads a row as a `T`.
///
/// # Errors
/// `DatatypeMismatch` if the type has no place for a value.
pub(super) fn read<T: serde::de::DeserializeOwned>(row: &Row) -> crate::error::Result<T> {
    let mut given = Given::default();
    let mut last = match T::deserialize(RowDeserializer(row, &given)) {
        Ok(value) => return Ok(value),
        Err(refusal) => refusal,
    };
    // Each round gives one more column as it is wanted.
    while let Some(wanted) = last.wish {
        let column = match wanted {
            WantedForm::Json(text) => row.iter().position(|(_, value)| match value {
                ValueRef::Text(bytes) => std::ptr::eq(bytes, text),
                _ => false,
            }),
            WantedForm::Boolean(_) => {
                // A round with numbers that identify the columns says which one it is.
                given.numbered = true;
                let told = T::deserialize(RowDeserializer(row, &given)).err();
                given.numbered = false;
                told.and_then(|refusal| match refusal.wish {
                    Some(WantedForm::Boolean(number)) => given.column_of(number),
                    _ => None,
                })
            }
        };
        if !column.is_some_and(|column| given.add(column)) {
            break;
        }
        match T::deserialize(RowDeserializer(row, &given)) {
            Ok(value) => return Ok(value),
            Err(refusal) => last = refusal,
        }
    }
    Err(last.error)
}

/// A whole row, and which of its columns are given as they are wanted.
struct RowDeserializer<'a, 'g>(&'a Row, &'g Given);

impl<'a, 'g> RowDeserializer<'a, 'g> {
    /// Scalars come from a row of one column, so that `Vec<i64>` reads a list.
    fn only(&self) -> ReadResult<CellDeserializer<'a, 'g>> {
        if self.0.len() != 1 {
            return Err(Error::new(
                ErrorKind::DatatypeMismatch,
                format!("a row of {} columns can't be read as one value", self.0.len()),
            )
            .into());
        }
        Ok(CellDeserializer { value: self.0.value(0)?, index: 0, given: self.1 })
    }

    fn cells(&self) -> RowCells<'a, 'g> {
        RowCells { row: self.0, next: 0, given: self.1 }
    }
}

macro_rules! forward_to_only {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> ReadResult<V::Value> {
            self.only()?.$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for RowDeserializer<'de, '_> {
    type Error = ReadRefusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> ReadResult<V::Value> {
        visitor.visit_map(self.cells())
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> ReadResult<V::Value> {
        visitor.visit_seq(self.cells())
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> ReadResult<V::Value> {
        visitor.visit_seq(self.cells())
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> ReadResult<V::Value> {
        visitor.visit_seq(self.cells())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> ReadResult<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> ReadResult<V::Value> {
        if self.0.len() == 1 && matches!(self.0.value(0)?, ValueRef::Null) {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> ReadResult<V::Value> {
        self.only()?.deserialize_enum(name, variants, visitor)
    }

    forward_to_only! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf
    }

    forward_to_deserialize_any! {
        i128 u128 unit unit_struct map struct identifier ignored_any
    }
}

/// The columns, one by one.
struct RowCells<'a, 'g> {
    row: &'a Row,
    next: usize,
    given: &'g Given,
}

impl<'de> MapAccess<'de> for RowCells<'de, '_> {
    type Error = ReadRefusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> ReadResult<Option<K::Value>> {
        let name: Option<&'de str> = self.row.columns().name(self.next);
        name.map(|name| {
            let name: StrDeserializer<'de, ReadRefusal> = name.into_deserializer();
            seed.deserialize(name)
        })
        .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> ReadResult<V::Value> {
        let index = self.next;
        self.next += 1;
        let value = self.row.value(index)?;
        seed.deserialize(CellDeserializer { value, index, given: self.given }).map_err(|refusal| {
            ReadRefusal { error: self.row.mismatch(index, refusal.error.message()), ..refusal }
        })
    }
}

impl<'de> SeqAccess<'de> for RowCells<'de, '_> {
    type Error = ReadRefusal;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> ReadResult<Option<T::Value>> {
        if self.next >= self.row.len() {
            return Ok(None);
        }
        self.next_value_seed(seed).map(Some)
    }
}

/// One cell.
struct CellDeserializer<'a, 'g> {
    value: ValueRef<'a>,
    index: usize,
    given: &'g Given,
}

impl<'de> CellDeserializer<'de, '_> {
    /// Visits the value as it is stored.
    fn plain<V: Visitor<'de>>(self, visitor: V) -> ReadResult<V::Value> {
        match self.value {
            ValueRef::Null => visitor.visit_unit(),
            ValueRef::Integer(value) => visitor.visit_i64(value),
            ValueRef::Real(value) => visitor.visit_f64(value),
            ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => visitor.visit_borrowed_bytes(bytes),
            },
            ValueRef::Blob(bytes) => visitor.visit_borrowed_bytes(bytes),
        }
    }

    /// Visits the bytes of a blob one by one.
    fn each_byte<V: Visitor<'de>>(bytes: &'de [u8], visitor: V) -> ReadResult<V::Value> {
        visitor.visit_seq(serde::de::value::SeqDeserializer::new(bytes.iter().copied()))
    }

    /// Reads text as JSON, for lists, maps and structs inside a column.
    fn json<T>(
        self,
        read: impl FnOnce(
            &mut serde_json::Deserializer<serde_json::de::SliceRead<'de>>,
        ) -> serde_json::Result<T>,
    ) -> ReadResult<T> {
        let ValueRef::Text(text) = self.value else {
            return Err(ReadRefusal::custom(format!(
                "{} is not JSON text",
                self.value.type_name()
            )));
        };
        let mut source = serde_json::Deserializer::from_slice(text);
        let value = read(&mut source).and_then(|value| source.end().map(|()| value));
        value.map_err(|error| ReadRefusal::custom(format!("unexpected JSON: {error}")))
    }
}

macro_rules! plain {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> ReadResult<V::Value> {
            self.plain(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for CellDeserializer<'de, '_> {
    type Error = ReadRefusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> ReadResult<V::Value> {
        match self.value {
            ValueRef::Integer(value @ (0 | 1)) => {
                if self.given.wanted(self.index) {
                    return visitor.visit_bool(value == 1);
                }
                visitor.visit_i64(self.given.number(self.index).unwrap_or(value))
            }
            ValueRef::Text(_) if self.given.wanted(self.index) => {
                self.json(|source| source.deserialize_any(visitor))
            }
            _ => self.plain(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> ReadResult<V::Value> {
        match self.value {
            ValueRef::Integer(value @ (0 | 1)) => visitor.visit_bool(value == 1),
            _ => self.plain(visitor),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> ReadResult<V::Value> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> ReadResult<V::Value> {
        use crate::value::FromValue as _;
        match self.value {
            ValueRef::Integer(_) => {
                visitor.visit_f64(f64::from_value(self.value).map_err(ReadRefusal::custom)?)
            }
            _ => self.plain(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> ReadResult<V::Value> {
        match self.value {
            ValueRef::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> ReadResult<V::Value> {
        if name == JSON {
            return self.json(|source| source.deserialize_newtype_struct(name, visitor));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> ReadResult<V::Value> {
        match self.value {
            ValueRef::Blob(bytes) => Self::each_byte(bytes, visitor),
            _ => self.json(|source| source.deserialize_seq(visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> ReadResult<V::Value> {
        match self.value {
            ValueRef::Blob(bytes) => Self::each_byte(bytes, visitor),
            _ => self.json(|source| source.deserialize_tuple(len, visitor)),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> ReadResult<V::Value> {
        self.json(|source| source.deserialize_tuple_struct(name, len, visitor))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> ReadResult<V::Value> {
        self.json(|source| source.deserialize_map(visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> ReadResult<V::Value> {
        self.json(|source| source.deserialize_struct(name, fields, visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> ReadResult<V::Value> {
        // A unit variant is kept as its bare name, any other as JSON.
        match self.value {
            ValueRef::Text(bytes)
                if !bytes.starts_with(b"{")
                    || variants.iter().any(|variant| variant.as_bytes() == bytes) =>
            {
                let name: &'de str = std::str::from_utf8(bytes).map_err(ReadRefusal::custom)?;
                let name: StrDeserializer<'de, ReadRefusal> = name.into_deserializer();
                visitor.visit_enum(name)
            }
            _ => self.json(|source| source.deserialize_enum(name, variants, visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> ReadResult<V::Value> {
        visitor.visit_unit()
    }

    plain! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_unit deserialize_identifier
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> ReadResult<V::Value> {
        self.plain(visitor)
    }
}
