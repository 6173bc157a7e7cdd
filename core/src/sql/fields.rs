//! From a struct, a map or a tuple, through serde, to its values by name or position.

use serde::ser::{
    Error as _, Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple,
    SerializeTupleStruct,
};
use serde::{Serialize, Serializer};

use super::cell::cell;
use crate::error::{Error, Result};
use crate::value::Value;

/// Returns the parts of a value in order, with their names if they have any.
///
/// # Errors
/// `InvalidArgument` for a value without parts, and for a part that can't be stored.
pub(super) fn fields<T: Serialize + ?Sized>(value: &T) -> Result<Fields> {
    value.serialize(FieldsSerializer)
}

struct FieldsSerializer;

/// The parts so far.
#[derive(Default)]
struct Gathered {
    fields: Vec<(Option<String>, Value)>,
    key: Option<String>,
}

impl Gathered {
    fn add<T: Serialize + ?Sized>(&mut self, name: Option<String>, value: &T) -> Result<()> {
        let value = cell(value).map_err(|error| match &name {
            Some(name) => error.prefixed(&format!("field {name:?}")),
            None => error.prefixed(&format!("value {}", self.fields.len())),
        })?;
        self.fields.push((name, value));
        Ok(())
    }
}

fn refused<T>() -> Result<T> {
    Err(Error::invalid("a struct or a map with text keys is required here"))
}

macro_rules! no_parts {
    ($($method:ident($($type:ty),*)),* $(,)?) => {$(
        fn $method(self, $(_: $type),*) -> Result<Fields> {
            refused()
        }
    )*};
}

type Fields = Vec<(Option<String>, Value)>;
type NoFields = Impossible<Fields, Error>;

impl Serializer for FieldsSerializer {
    type Ok = Fields;
    type Error = Error;
    type SerializeSeq = Gathered;
    type SerializeTuple = Gathered;
    type SerializeTupleStruct = Gathered;
    type SerializeTupleVariant = NoFields;
    type SerializeMap = Gathered;
    type SerializeStruct = Gathered;
    type SerializeStructVariant = NoFields;

    no_parts! {
        serialize_bool(bool),
        serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64),
        serialize_i128(i128), serialize_u128(u128), serialize_f32(f32), serialize_f64(f64),
        serialize_char(char), serialize_str(&str), serialize_bytes(&[u8]),
        serialize_none(), serialize_unit(), serialize_unit_struct(&'static str),
        serialize_unit_variant(&'static str, u32, &'static str),
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Fields> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<Fields> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _value: &T,
    ) -> Result<Fields> {
        untagged(variant)
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<Gathered> {
        Ok(Gathered::default())
    }

    fn serialize_tuple(self, _len: usize) -> Result<Gathered> {
        Ok(Gathered::default())
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<Gathered> {
        Ok(Gathered::default())
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<NoFields> {
        untagged(variant)
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Gathered> {
        Ok(Gathered::default())
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Gathered> {
        Ok(Gathered::default())
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<NoFields> {
        untagged(variant)
    }
}

/// Refuses a variant: its name would have to be a column's, where nobody looks for it.
fn untagged<T>(variant: &str) -> Result<T> {
    Err(Error::invalid(format!(
        "the variant {variant:?} has no column for its name; give the enum one with #[serde(tag = \"…\")]"
    )))
}

macro_rules! by_place {
    ($($kind:ident $method:ident),* $(,)?) => {$(
        impl $kind for Gathered {
            type Ok = Fields;
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                self.add(None, value)
            }

            fn end(self) -> Result<Fields> {
                Ok(self.fields)
            }
        }
    )*};
}
by_place! {
    SerializeSeq serialize_element, SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
}

impl SerializeStruct for Gathered {
    type Ok = Fields;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<()> {
        self.add(Some(key.to_owned()), value)
    }

    fn end(self) -> Result<Fields> {
        Ok(self.fields)
    }
}

impl SerializeMap for Gathered {
    type Ok = Fields;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        match cell(key)? {
            Value::Text(name) => {
                self.key = Some(name);
                Ok(())
            }
            _ => refused(),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        match self.key.take() {
            Some(name) => self.add(Some(name), value),
            None => Err(Error::custom("a value without a key")),
        }
    }

    fn end(self) -> Result<Fields> {
        Ok(self.fields)
    }
}
