//! JSON: an array of objects, or one object on each line.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use serde_json::Map;
use ubiqlite::Value;

use super::{Target, at};
use crate::failure::{Failure, Result};

type Object = Map<String, serde_json::Value>;

/// Counts the lines that go through.
struct Lines<R> {
    from: R,
    line: Rc<Cell<u64>>,
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // One byte: the reader above asks for single ones, and the count is right for each.
        let end = into.len().min(1);
        let read = self.from.read(&mut into[..end])?;
        if read == 1 && into[0] == b'\n' {
            self.line.set(self.line.get() + 1);
        }
        Ok(read)
    }
}

/// Sends the objects of a file.
pub(super) fn read(target: &mut Target<'_>, mut from: impl BufRead) -> Result<()> {
    let line = Rc::new(Cell::new(1));
    // What comes first says which of the two forms it is.
    loop {
        let bytes = from.fill_buf().map_err(|error| at(line.get(), error))?;
        match bytes.first() {
            Some(byte) if byte.is_ascii_whitespace() => {
                line.set(line.get() + u64::from(*byte == b'\n'));
                from.consume(1);
            }
            Some(0xef) if bytes.starts_with("\u{feff}".as_bytes()) => from.consume(3),
            Some(b'[') => break,
            Some(_) => return lines(target, from, line.get()),
            None => return Err(Failure::new("there is nothing in it")),
        }
    }
    let mut sender = Sender { target, columns: None, line: Rc::clone(&line), failure: None };
    let first = line.get();
    let mut reader = serde_json::Deserializer::from_reader(Lines { from, line });
    let read = serde::de::DeserializeSeed::deserialize(&mut sender, &mut reader);
    if let Some(failure) = sender.failure.take() {
        return Err(failure);
    }
    // Its lines are counted from where it began.
    let wrong = |error: serde_json::Error| at(first - 1 + error.line() as u64, words(&error));
    read.map_err(wrong)?;
    reader.end().map_err(wrong)
}

fn lines(target: &mut Target<'_>, mut from: impl BufRead, mut line: u64) -> Result<()> {
    let mut sender = Sender { target, columns: None, line: Rc::default(), failure: None };
    let mut text = String::new();
    loop {
        text.clear();
        if from.read_line(&mut text).map_err(|error| at(line, error))? == 0 {
            return Ok(());
        }
        if !text.trim().is_empty() {
            let object = serde_json::from_str(&text).map_err(|error| at(line, words(&error)))?;
            sender.send(line, object)?;
        }
        line += 1;
    }
}

/// Returns the words of an error without its place.
fn words(error: &serde_json::Error) -> String {
    let all = error.to_string();
    all.split(" at line ").next().unwrap_or(&all).to_owned()
}

/// Sends objects as they are read.
struct Sender<'a, 'b> {
    target: &'a mut Target<'b>,
    /// The columns of the rows, those of the first object.
    columns: Option<Vec<String>>,
    line: Rc<Cell<u64>>,
    failure: Option<Failure>,
}

impl Sender<'_, '_> {
    fn send(&mut self, line: u64, mut object: Object) -> Result<()> {
        let columns = match &self.columns {
            Some(columns) => columns,
            None => {
                let columns = match self.target.columns()? {
                    // Those that it lacks are NULL, as in each row.
                    Some(columns) => {
                        let has = |column: &String| {
                            object.keys().any(|key| key.eq_ignore_ascii_case(column))
                        };
                        let columns: Vec<_> = columns.into_iter().filter(has).collect();
                        if columns.is_empty() {
                            return Err(at(line, "it has no column of the table"));
                        }
                        columns
                    }
                    None => {
                        let columns: Vec<_> = object.keys().cloned().collect();
                        self.target
                            .create(&columns)
                            .map_err(|failure| at(line, failure.words()))?;
                        columns
                    }
                };
                self.target.begin(&columns);
                self.columns.insert(columns)
            }
        };
        let mut values = Vec::with_capacity(columns.len());
        for column in columns {
            let key = match object.contains_key(column) {
                true => Some(column.clone()),
                false => object.keys().find(|key| key.eq_ignore_ascii_case(column)).cloned(),
            };
            let value = key.and_then(|key| object.remove(&key)).unwrap_or_default();
            values.push(value_of(value).map_err(|words| at(line, words))?);
        }
        if let Some(unknown) = object.keys().next() {
            return Err(at(
                line,
                format!("the first object has no {unknown:?}, or the table has not"),
            ));
        }
        self.target.add(line, values)
    }
}

fn value_of(value: serde_json::Value) -> Result<Value, String> {
    Ok(match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Integer(value.into()),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => Value::Integer(value),
            _ if number.is_u64() => return Err(format!("{number} is too large for an integer")),
            (None, Some(value)) => Value::Real(value),
            (None, None) => return Err(format!("{number} is no number of SQLite's")),
        },
        serde_json::Value::String(value) => Value::Text(value),
        other => Value::Text(other.to_string()),
    })
}

impl<'de> serde::de::DeserializeSeed<'de> for &mut Sender<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> serde::de::Visitor<'de> for &mut Sender<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut all: A) -> Result<(), A::Error> {
        loop {
            let line = self.line.get();
            let Some(object) = all.next_element::<Object>()? else { return Ok(()) };
            // A row that spans lines is told by its last, where no more is known.
            let line = line.max(self.line.get());
            if let Err(failure) = self.send(line, object) {
                self.failure = Some(failure);
                return Err(serde::de::Error::custom("stopped"));
            }
        }
    }
}
