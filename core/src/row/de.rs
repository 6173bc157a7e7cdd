//! A row as a serde data source: a map of its columns, or a sequence.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::Row;
use crate::error::{Error, ErrorKind, Result};
use crate::value::ValueRef;

/// A whole row.
pub(super) struct RowDeserializer<'a>(pub(super) &'a Row);

impl<'a> RowDeserializer<'a> {
    /// Scalars come from a row of one column, so that `Vec<i64>` reads a list.
    fn only(&self) -> Result<CellDeserializer<'a>> {
        if self.0.len() != 1 {
            return Err(Error::new(
                ErrorKind::DatatypeMismatch,
                format!("a row of {} columns can't be one value", self.0.len()),
            ));
        }
        Ok(CellDeserializer(self.0.value(0)?))
    }

    fn cells(&self) -> Cells<'a> {
        Cells { row: self.0, next: 0 }
    }
}

macro_rules! forward_to_only {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            self.only()?.$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for RowDeserializer<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_map(self.cells())
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_seq(self.cells())
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value> {
        visitor.visit_seq(self.cells())
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_seq(self.cells())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.0.len() == 1 {
            return self.only()?.deserialize_option(visitor);
        }
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
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

/// The columns one after another.
struct Cells<'a> {
    row: &'a Row,
    next: usize,
}

impl<'de> MapAccess<'de> for Cells<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let name: Option<&'de str> = self.row.columns().name(self.next);
        name.map(|name| {
            let name: StrDeserializer<'de, Error> = name.into_deserializer();
            seed.deserialize(name)
        })
        .transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        let index = self.next;
        self.next += 1;
        seed.deserialize(CellDeserializer(self.row.value(index)?))
            .map_err(|error| self.row.mismatch(index, error.message()))
    }
}

impl<'de> SeqAccess<'de> for Cells<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if self.next >= self.row.len() {
            return Ok(None);
        }
        self.next_value_seed(seed).map(Some)
    }
}

/// One cell.
struct CellDeserializer<'a>(ValueRef<'a>);

impl<'de> CellDeserializer<'de> {
    /// Reads text as JSON, for lists, maps and structs inside a column.
    fn json<T>(
        self,
        read: impl FnOnce(
            &mut serde_json::Deserializer<serde_json::de::SliceRead<'de>>,
        ) -> serde_json::Result<T>,
    ) -> Result<T> {
        let ValueRef::Text(text) = self.0 else {
            return Err(Error::custom(format!("{} is not JSON text", self.0.type_name())));
        };
        let mut source = serde_json::Deserializer::from_slice(text);
        let value = read(&mut source).and_then(|value| source.end().map(|()| value));
        value.map_err(|error| Error::custom(format!("not the JSON expected: {error}")))
    }
}

impl<'de> Deserializer<'de> for CellDeserializer<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
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

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            ValueRef::Integer(value @ (0 | 1)) => visitor.visit_bool(value == 1),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        use super::FromValue as _;
        match self.0 {
            ValueRef::Integer(_) => {
                visitor.visit_f64(f64::from_value(self.0).map_err(Error::custom)?)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            ValueRef::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            ValueRef::Blob(bytes) => {
                visitor.visit_seq(serde::de::value::SeqDeserializer::new(bytes.iter().copied()))
            }
            _ => self.json(|source| source.deserialize_seq(visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        self.json(|source| source.deserialize_tuple(len, visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.json(|source| source.deserialize_tuple_struct(name, len, visitor))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.json(|source| source.deserialize_map(visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.json(|source| source.deserialize_struct(name, fields, visitor))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        // A unit variant is kept as its bare name, any other as JSON.
        match self.0 {
            ValueRef::Text(bytes) if !bytes.starts_with(b"{") => {
                let name: &'de str = std::str::from_utf8(bytes).map_err(Error::custom)?;
                let name: StrDeserializer<'de, Error> = name.into_deserializer();
                visitor.visit_enum(name)
            }
            _ => self.json(|source| source.deserialize_enum(name, variants, visitor)),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string bytes byte_buf unit
        unit_struct identifier ignored_any
    }
}
