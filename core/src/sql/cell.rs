//! From one field, through serde, to the value that it is stored as.

use std::fmt;

use serde::ser::Impossible;
use serde::{Serialize, Serializer};

use crate::error::{Error, Result};
use crate::value::JSON;
use crate::value::json_text;
use crate::value::{IntoValue, Value};

/// Makes the value of a field: a scalar is stored as itself, bytes as a blob, `None`
/// and `()` as `NULL`, a variant without data as its name, and anything with parts
/// (lists, tuples, maps, structs, variants with data) as JSON text.
///
/// # Errors
/// `InvalidArgument` if no value is equal to it.
pub(super) fn cell<T: Serialize + ?Sized>(value: &T) -> Result<Value> {
    match value.serialize(CellSerializer) {
        Ok(value) => Ok(value),
        Err(NoCell::Parts) => json_text(value).map(Value::Text),
        Err(NoCell::Error(error)) => Err(error),
    }
}

struct CellSerializer;

/// Why there is no value yet.
#[derive(Debug)]
enum NoCell {
    /// It has parts, so all of it becomes JSON text.
    Parts,
    Error(Error),
}

impl fmt::Display for NoCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parts => f.write_str("a value with parts"),
            Self::Error(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NoCell {}

impl serde::ser::Error for NoCell {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Error(Error::invalid(message.to_string()))
    }
}

type Made = Result<Value, NoCell>;
type NoCellYet = Impossible<Value, NoCell>;

macro_rules! scalars {
    ($($method:ident: $type:ty),* $(,)?) => {$(
        fn $method(self, value: $type) -> Made {
            value.into_value().map_err(NoCell::Error)
        }
    )*};
}

impl Serializer for CellSerializer {
    type Ok = Value;
    type Error = NoCell;
    type SerializeSeq = NoCellYet;
    type SerializeTuple = NoCellYet;
    type SerializeTupleStruct = NoCellYet;
    type SerializeTupleVariant = NoCellYet;
    type SerializeMap = NoCellYet;
    type SerializeStruct = NoCellYet;
    type SerializeStructVariant = NoCellYet;

    scalars! {
        serialize_bool: bool,
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
        serialize_i128: i128, serialize_u128: u128,
        serialize_f32: f32, serialize_f64: f64,
        serialize_char: char, serialize_str: &str, serialize_bytes: &[u8],
    }

    fn serialize_none(self) -> Made {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Made {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Made {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Made {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Made {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Made {
        if name == JSON {
            return Err(NoCell::Parts);
        }
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Made {
        Err(NoCell::Parts)
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<NoCellYet, NoCell> {
        Err(NoCell::Parts)
    }

    fn serialize_tuple(self, _len: usize) -> Result<NoCellYet, NoCell> {
        Err(NoCell::Parts)
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<NoCellYet, NoCell> {
        Err(NoCell::Parts)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<NoCellYet, NoCell> {
        Err(NoCell::Parts)
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<NoCellYet, NoCell> {
        Err(NoCell::Parts)
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<NoCellYet, NoCell> {
        Err(NoCell::Parts)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<NoCellYet, NoCell> {
        Err(NoCell::Parts)
    }
}
