//! Values, rows and lists: the JSON of a scenario and the result of a call, as one type
//! that can be compared.

use std::collections::HashMap;
use std::fmt;

use serde_json::Value as Json;
use ubiqlite::{IntoValue, Key, Record, Row, Value};

/// The values that a scenario has named.
pub(crate) type Names = HashMap<String, Data>;

#[derive(Debug, Clone)]
pub(crate) enum Data {
    Null,
    Bool(bool),
    Int(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
    List(Vec<Data>),
    /// In order, as a row's columns.
    Map(Vec<(String, Data)>),
    /// A list or map that binds as JSON text.
    Json(Json),
    /// Only as an argument: milliseconds since the beginning of 1970.
    Moment(i64),
    /// Only as an expectation: anything but NULL.
    Any,
    /// Only as a result, of a watch: its rows, and which differ from those before.
    Update {
        rows: Box<Data>,
        diff: Vec<(&'static str, Data)>,
    },
}

impl Data {
    /// Reads the notation of `tests/spec/README.md`.
    pub(crate) fn read(json: &Json, names: &Names) -> Result<Self, String> {
        Reader { names, number: None }.read(json)
    }

    pub(crate) fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(format!("{other} is no text")),
        }
    }

    pub(crate) fn list(&self) -> Result<&[Data], String> {
        match self {
            Self::List(items) => Ok(items),
            other => Err(format!("{other} is no list")),
        }
    }

    pub(crate) fn value(&self) -> Result<Value, String> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::from(*value),
            Self::Int(value) => Value::Integer(*value),
            Self::Real(value) => Value::Real(*value),
            Self::Text(text) => Value::Text(text.clone()),
            Self::Blob(bytes) => Value::Blob(bytes.clone()),
            Self::Json(json) => Value::from(json.clone()),
            Self::Moment(millis) => moment(*millis)?,
            Self::List(_) | Self::Map(_) | Self::Any | Self::Update { .. } => {
                return Err(format!("{self} is no value"));
            }
        })
    }

    pub(crate) fn values(&self) -> Result<Vec<Value>, String> {
        self.list()?.iter().map(Self::value).collect()
    }

    /// Converts a value, or a list for a composite key.
    pub(crate) fn key(&self) -> Result<Key, String> {
        match self {
            Self::List(_) => Ok(Key::from(self.values()?)),
            _ => Ok(Key::from(self.value()?)),
        }
    }

    /// Converts an object, or a list of pairs.
    pub(crate) fn record(&self) -> Result<Record, String> {
        match self {
            Self::Map(fields) => fields
                .iter()
                .map(|(name, value)| Ok((name.clone(), value.value()?)))
                .collect::<Result<Record, String>>(),
            Self::List(pairs) => pairs
                .iter()
                .map(|pair| match pair.list()? {
                    [name, value] => Ok((name.text()?.to_owned(), value.value()?)),
                    _ => Err(format!("{pair} is no pair")),
                })
                .collect(),
            other => Err(format!("{other} is no record")),
        }
    }
}

struct Reader<'a> {
    names: &'a Names,
    /// The number of the enclosing `$for`.
    number: Option<i64>,
}

impl Reader<'_> {
    fn read(&self, json: &Json) -> Result<Data, String> {
        Ok(match json {
            Json::Null => Data::Null,
            Json::Bool(value) => Data::Bool(*value),
            Json::String(text) => Data::Text(text.clone()),
            Json::Number(number) => match number.as_i64() {
                Some(integer) => Data::Int(integer),
                None => Data::Real(number.as_f64().ok_or_else(|| format!("the number {number}"))?),
            },
            Json::Array(items) => {
                Data::List(items.iter().map(|item| self.read(item)).collect::<Result<_, _>>()?)
            }
            Json::Object(fields) => {
                if let Some(name) = fields.keys().find(|name| name.starts_with('$')) {
                    return self.notation(name, &fields[name], fields);
                }
                Data::Map(
                    fields
                        .iter()
                        .map(|(name, value)| Ok((name.clone(), self.read(value)?)))
                        .collect::<Result<_, String>>()?,
                )
            }
        })
    }

    fn notation(
        &self,
        name: &str,
        content: &Json,
        fields: &serde_json::Map<String, Json>,
    ) -> Result<Data, String> {
        let text = || content.as_str().ok_or_else(|| format!("{name} wants a text"));
        let list = || content.as_array().ok_or_else(|| format!("{name} wants a list"));
        Ok(match name {
            "$int" => Data::Int(text()?.parse().map_err(|_| format!("the $int {content}"))?),
            "$real" => Data::Real(text()?.parse().map_err(|_| format!("the $real {content}"))?),
            "$blob" => Data::Blob(bytes_of_hex(text()?)?),
            "$json" => Data::Json(content.clone()),
            "$moment" => {
                Data::Moment(content.as_i64().ok_or_else(|| format!("{name} wants a number"))?)
            }
            "$any" => Data::Any,
            "$i" => Data::Int(self.number.ok_or("$i stands outside of $for")?),
            "$ref" => {
                let known = self.names.get(text()?);
                known.cloned().ok_or_else(|| format!("nothing has the name {content}"))?
            }
            "$repeat" => match list()?.as_slice() {
                [what, times] => {
                    let times = times.as_u64().and_then(|times| usize::try_from(times).ok());
                    repeat(self.read(what)?, times.ok_or("$repeat wants a number")?)?
                }
                _ => return Err("$repeat wants what and how often".to_owned()),
            },
            "$concat" => {
                let mut whole = String::new();
                for part in list()? {
                    whole.push_str(self.read(part)?.text()?);
                }
                Data::Text(whole)
            }
            "$for" => {
                let ends: Vec<i64> = list()?.iter().filter_map(Json::as_i64).collect();
                let &[first, last] = ends.as_slice() else {
                    return Err("$for wants two numbers".to_owned());
                };
                let item = fields.get("item").ok_or("$for wants an item")?;
                let items = (first..=last)
                    .map(|number| Reader { names: self.names, number: Some(number) }.read(item));
                Data::List(items.collect::<Result<_, _>>()?)
            }
            "$pairs" => {
                let mut pairs = Vec::new();
                for pair in list()? {
                    match self.read(pair)?.list()? {
                        [name, value] => pairs.push((name.text()?.to_owned(), value.clone())),
                        _ => return Err(format!("{pair} is no pair")),
                    }
                }
                Data::Map(pairs)
            }
            _ => return Err(format!("{name} is no notation that this runner knows")),
        })
    }
}

fn moment(millis: i64) -> Result<Value, String> {
    let moment = jiff::Timestamp::from_millisecond(millis).map_err(|error| error.to_string())?;
    moment.into_value().map_err(|error| error.to_string())
}

fn repeat(what: Data, times: usize) -> Result<Data, String> {
    match what {
        Data::Text(text) => Ok(Data::Text(text.repeat(times))),
        Data::Blob(bytes) => Ok(Data::Blob(bytes.repeat(times))),
        Data::List(items) => Ok(Data::List((0..times).flat_map(|_| items.clone()).collect())),
        other => Err(format!("{other} can't be repeated")),
    }
}

fn bytes_of_hex(hex: &str) -> Result<Vec<u8>, String> {
    let digits: Option<Vec<u32>> = hex.chars().map(|digit| digit.to_digit(16)).collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => {
            Ok(digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
        }
        _ => Err(format!("{hex:?} is not hexadecimal")),
    }
}

impl From<Value> for Data {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(value) => Self::Int(value),
            Value::Real(value) => Self::Real(value),
            Value::Text(text) => Self::Text(text),
            Value::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

impl From<Row> for Data {
    fn from(row: Row) -> Self {
        let cells = row.iter().map(|(name, value)| (name.to_owned(), value.to_value().into()));
        Self::Map(cells.collect())
    }
}

impl From<Option<Row>> for Data {
    fn from(row: Option<Row>) -> Self {
        row.map_or(Self::Null, Self::from)
    }
}

impl From<Vec<Row>> for Data {
    fn from(rows: Vec<Row>) -> Self {
        Self::List(rows.into_iter().map(Self::from).collect())
    }
}

impl From<u64> for Data {
    fn from(count: u64) -> Self {
        i64::try_from(count).map_or(Self::Null, Self::Int)
    }
}

impl From<Key> for Data {
    fn from(key: Key) -> Self {
        match key.values() {
            [value] => value.clone().into(),
            values => Self::List(values.iter().cloned().map(Self::from).collect()),
        }
    }
}

impl From<ubiqlite::Executed> for Data {
    fn from(executed: ubiqlite::Executed) -> Self {
        Self::Map(vec![
            ("rows_changed".to_owned(), executed.rows_changed.into()),
            ("last_row_id".to_owned(), Self::Int(executed.last_row_id)),
        ])
    }
}

/// Shortens long values, for readable messages.
impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "integer {value}"),
            Self::Real(value) => write!(f, "real {value:?}"),
            Self::Text(text) if text.len() > 200 => {
                let start: String = text.chars().take(40).collect();
                write!(f, "text of {} bytes {start:?}…", text.len())
            }
            Self::Text(text) => write!(f, "text {text:?}"),
            Self::Blob(bytes) if bytes.len() > 40 => {
                write!(f, "blob of {} bytes {:02x?}…", bytes.len(), &bytes[..16])
            }
            Self::Blob(bytes) => write!(f, "blob {bytes:02x?}"),
            Self::Json(json) => write!(f, "JSON {json}"),
            Self::Moment(millis) => write!(f, "the moment {millis}"),
            Self::Any => f.write_str("anything"),
            Self::Update { rows, .. } => write!(f, "a result of {rows}"),
            Self::List(items) => {
                write!(f, "[")?;
                for item in items.iter().take(8) {
                    write!(f, "{item}, ")?;
                }
                write!(f, "] ({} items)", items.len())
            }
            Self::Map(fields) => {
                write!(f, "{{")?;
                for (name, value) in fields.iter().take(12) {
                    write!(f, "{name}: {value}, ")?;
                }
                write!(f, "}}")
            }
        }
    }
}
