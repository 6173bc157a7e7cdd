//! Toasty's values as cells, and cells as Toasty's values.
//!
//! They are stored as Toasty's own SQLite driver stores them, so that a database can be used by
//! either: an unsigned integer above `i64::MAX` as the negative one with the same bits, a list or a
//! document as JSON text.

use toasty_core::stmt::{Type, Value};
use toasty_core::{Error, Result};
use ubiqlite::ValueRef;

/// Converts a parameter.
///
/// # Errors
/// A value that SQLite has no column for. Toasty casts those before.
pub(crate) fn cell(value: Value) -> Result<ubiqlite::Value> {
    Ok(match value {
        Value::Null => ubiqlite::Value::Null,
        Value::Bool(value) => ubiqlite::Value::Integer(value.into()),
        Value::I8(value) => ubiqlite::Value::Integer(value.into()),
        Value::I16(value) => ubiqlite::Value::Integer(value.into()),
        Value::I32(value) => ubiqlite::Value::Integer(value.into()),
        Value::I64(value) => ubiqlite::Value::Integer(value),
        Value::U8(value) => ubiqlite::Value::Integer(value.into()),
        Value::U16(value) => ubiqlite::Value::Integer(value.into()),
        Value::U32(value) => ubiqlite::Value::Integer(value.into()),
        Value::U64(value) => ubiqlite::Value::Integer(value.cast_signed()),
        Value::F32(value) => ubiqlite::Value::Real(value.into()),
        Value::F64(value) => ubiqlite::Value::Real(value),
        Value::String(value) => ubiqlite::Value::Text(value),
        Value::Bytes(value) => ubiqlite::Value::Blob(value),
        Value::List(_) | Value::Object(_) => {
            ubiqlite::Value::Text(toasty_sql::json::to_string(&value).map_err(json)?)
        }
        other => return Err(Error::type_conversion(other, "a value of SQLite")),
    })
}

/// Converts a cell into a value of the type that Toasty expects there.
///
/// # Errors
/// What is stored is no such value.
pub(crate) fn typed(cell: ValueRef<'_>, wanted: &Type) -> Result<Value> {
    let found = match (cell, wanted) {
        (ValueRef::Null, _) => Some(Value::Null),
        (ValueRef::Integer(value), wanted) => integer(value, wanted),
        (ValueRef::Real(value), Type::F32) => Some(Value::F32(value as f32)),
        (ValueRef::Real(value), Type::F64) => Some(Value::F64(value)),
        (ValueRef::Text(_), wanted) => match (cell.as_str(), wanted) {
            (Some(text), Type::Uuid) => text.parse().ok().map(Value::Uuid),
            (Some(text), Type::List(element)) => {
                Some(toasty_sql::json::list_from_str(text, element).map_err(json)?)
            }
            (Some(text), Type::Object) => {
                Some(toasty_sql::json::from_str(text, wanted).map_err(json)?)
            }
            // Text is not a number because its column was declared to have some, as SQLite permits.
            (_, wanted) if is_stored_otherwise(wanted) => None,
            // What SQLite has no type for is text, which the engine reads.
            (Some(text), _) => Some(Value::String(text.to_owned())),
            (None, _) => None,
        },
        (ValueRef::Blob(bytes), Type::Bytes) => Some(Value::Bytes(bytes.to_vec())),
        _ => None,
    };
    found.ok_or_else(|| {
        Error::invalid_result(format!(
            "a column of the type {wanted:?} holds {}{}",
            cell.type_name(),
            match cell {
                ValueRef::Integer(value) => format!(" {value}"),
                _ => String::new(),
            }
        ))
    })
}

/// Whether values of this type are integers, reals or blobs in SQLite.
fn is_stored_otherwise(wanted: &Type) -> bool {
    matches!(wanted, Type::Bool | Type::F32 | Type::F64 | Type::Bytes)
        || matches!(wanted, Type::I8 | Type::I16 | Type::I32 | Type::I64)
        || matches!(wanted, Type::U8 | Type::U16 | Type::U32 | Type::U64)
}

fn integer(value: i64, wanted: &Type) -> Option<Value> {
    match wanted {
        Type::Bool => Some(Value::Bool(value != 0)),
        Type::I8 => value.try_into().ok().map(Value::I8),
        Type::I16 => value.try_into().ok().map(Value::I16),
        Type::I32 => value.try_into().ok().map(Value::I32),
        Type::I64 => Some(Value::I64(value)),
        Type::U8 => value.try_into().ok().map(Value::U8),
        Type::U16 => value.try_into().ok().map(Value::U16),
        Type::U32 => value.try_into().ok().map(Value::U32),
        Type::U64 => Some(Value::U64(value.cast_unsigned())),
        // An expression may yield a whole number where its column holds reals.
        Type::F32 => Some(Value::F32(value as f32)),
        Type::F64 => Some(Value::F64(value as f64)),
        _ => None,
    }
}

/// Converts a cell into the value that its storage class says.
pub(crate) fn untyped(cell: ValueRef<'_>) -> Value {
    match cell.to_value() {
        ubiqlite::Value::Null => Value::Null,
        ubiqlite::Value::Integer(value) => Value::I64(value),
        ubiqlite::Value::Real(value) => Value::F64(value),
        ubiqlite::Value::Text(value) => Value::String(value),
        ubiqlite::Value::Blob(value) => Value::Bytes(value),
    }
}

fn json(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::driver_operation_failed(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_its_type_cannot_hold_is_an_error_and_not_another_number() {
        for (stored, wanted) in [(200, Type::I8), (-1, Type::U32), (1 << 40, Type::I32)] {
            let error = typed(ValueRef::Integer(stored), &wanted).unwrap_err();
            assert!(error.is_invalid_result(), "{error}");
            assert!(error.to_string().contains(&stored.to_string()), "{error}");
        }
    }

    #[test]
    fn the_largest_unsigned_integer_is_read_back_as_it_was_written() {
        let stored = cell(Value::U64(u64::MAX)).unwrap();
        assert_eq!(stored, ubiqlite::Value::Integer(-1));
        assert_eq!(typed(stored.as_ref(), &Type::U64).unwrap(), Value::U64(u64::MAX));
    }

    /// A column that is not STRICT holds any class, whatever was declared.
    #[test]
    fn each_type_is_read_from_the_classes_that_hold_it_and_from_no_other() {
        let uuid = b"67e55044-10b1-426f-9247-bb680e5fe0c8";
        let cells = [
            ValueRef::Integer(1),
            ValueRef::Real(1.5),
            ValueRef::Text(b"1"),
            ValueRef::Text(uuid),
            ValueRef::Blob(b"1"),
        ];
        let integers = [Type::Bool, Type::I8, Type::I16, Type::I32, Type::I64].into_iter().chain([
            Type::U8,
            Type::U16,
            Type::U32,
            Type::U64,
        ]);
        let mut wanted: Vec<(Type, [bool; 5])> =
            integers.map(|it| (it, [true, false, false, false, false])).collect();
        wanted.extend([
            (Type::F32, [true, true, false, false, false]),
            (Type::F64, [true, true, false, false, false]),
            (Type::String, [false, false, true, true, false]),
            (Type::Uuid, [false, false, false, true, false]),
            (Type::Bytes, [false, false, false, false, true]),
        ]);
        for (wanted, reads) in wanted {
            assert_eq!(cells.map(|cell| typed(cell, &wanted).is_ok()), reads, "{wanted:?}");
            assert_eq!(typed(ValueRef::Null, &wanted).unwrap(), Value::Null);
        }
    }

    #[test]
    fn text_that_is_no_identifier_and_json_that_is_none_are_errors() {
        let text = ValueRef::Text(b"lamp");
        assert!(typed(text, &Type::Uuid).is_err());
        assert!(typed(text, &Type::Object).is_err());
        assert!(typed(text, &Type::list(Type::I64)).is_err());
        assert!(typed(ValueRef::Text(&[0xff]), &Type::String).is_err());
    }
}
