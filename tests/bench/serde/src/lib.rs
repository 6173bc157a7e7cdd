//! The two ways by which a request can come into wasm and rows can leave it: as
//! bytes, as the package does, and as JavaScript's values by serde-wasm-bindgen. No
//! SQLite runs here: this is what crossing costs by itself.

use std::cell::RefCell;
use std::fmt;

use js_sys::Uint8Array;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use wasm_bindgen::prelude::*;

/// A request, as the core has it when it is read.
#[derive(Deserialize)]
struct Request {
    id: u32,
    op: u8,
    handle: u32,
    sql: String,
    params: Vec<Value>,
}

enum Value {
    Integer(i64),
    Real(f64),
    Text(String),
}

/// By hand: an untagged enum would make, and drop, a JavaScript error with its stack
/// for each kind that a value is not.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl Visitor<'_> for Visit {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a text")
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Integer(value))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
                Ok(Value::Real(value))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.to_owned()))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
                Ok(Value::Text(text))
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

impl Request {
    /// A number that depends on all of it, so that nothing is left unread.
    fn sum(&self) -> f64 {
        let params = self.params.iter().map(|value| match value {
            Value::Integer(value) => *value as f64,
            Value::Real(value) => *value,
            Value::Text(text) => text.len() as f64,
        });
        f64::from(self.id)
            + f64::from(self.op)
            + f64::from(self.handle)
            + self.sql.len() as f64
            + params.sum::<f64>()
    }
}

/// Reads the bytes of a request: what `core/src/wire` does with them.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn word(&mut self) -> Option<[u8; 8]> {
        self.take(8)?.try_into().ok()
    }

    fn text(&mut self) -> Option<String> {
        let length = self.u32()? as usize;
        std::str::from_utf8(self.take(length)?).ok().map(str::to_owned)
    }

    fn value(&mut self) -> Option<Value> {
        Some(match self.u8()? {
            1 => Value::Integer(i64::from_le_bytes(self.word()?)),
            2 => Value::Real(f64::from_le_bytes(self.word()?)),
            3 => Value::Text(self.text()?),
            _ => return None,
        })
    }

    fn request(&mut self) -> Option<Request> {
        self.u32()?;
        let (id, op, _flags, handle) = (self.u32()?, self.u8()?, self.u8()?, self.u32()?);
        let sql = self.text()?;
        self.u8()?;
        let count = self.u32()?;
        let params = (0..count).map(|_| self.value()).collect::<Option<_>>()?;
        Some(Request { id, op, handle, sql, params })
    }
}

/// Takes a request as bytes.
#[wasm_bindgen]
pub fn request_bytes(bytes: &[u8]) -> Option<f64> {
    Reader(bytes).request().map(|request| request.sum())
}

/// Takes a request as an object.
#[wasm_bindgen]
pub fn request_serde(request: JsValue) -> Result<f64, JsValue> {
    Ok(serde_wasm_bindgen::from_value::<Request>(request)?.sum())
}

/// A row, as serde would have it.
#[derive(Serialize)]
struct Row {
    id: i64,
    name: String,
    data: String,
    status: &'static str,
    value: f64,
}

fn row(id: i64) -> Row {
    Row {
        id,
        name: format!("lamp {id:06}"),
        data: format!(
            r#"{{"watt":{},"colour":"green","stock":{},"new":true}}"#,
            id % 200,
            id % 10_000
        ),
        status: "active",
        value: id as f64 / 100.0 + 0.005,
    }
}

const NAMES: &str = r#"["id","name","data","status","value"]"#;

#[derive(Default)]
struct Ready {
    rows: Vec<Row>,
    /// The same as the reply that the core would have made of them.
    reply: Vec<u8>,
}

thread_local! {
    static READY: RefCell<Ready> = RefCell::default();
}

/// Has rows ready, in both forms: SQLite's part is the same for both.
#[wasm_bindgen]
pub fn prepare(count: u32) {
    let rows: Vec<Row> = (1..=i64::from(count)).map(row).collect();
    let reply = reply(&rows, "");
    READY.set(Ready { rows, reply });
}

/// The first of all replies, which tells the names of the columns: later ones of the
/// same statement do not.
#[wasm_bindgen]
pub fn rows_first() -> Uint8Array {
    Uint8Array::from(reply(&[row(1)], NAMES).as_slice())
}

fn reply(rows: &[Row], names: &str) -> Vec<u8> {
    let (mut cells, mut heap) = (Vec::new(), Vec::new());
    for row in rows {
        cell(&mut cells, 1, 0, row.id.cast_unsigned());
        for text in [&row.name, &row.data, row.status] {
            cell(&mut cells, 3, text.len(), heap.len() as u64);
            heap.extend_from_slice(text.as_bytes());
        }
        cell(&mut cells, 2, 0, row.value.to_bits());
    }
    let mut out = Vec::new();
    words(&mut out, &[0, 1, 7, 1, 1, 5, names.len(), 0]);
    out.extend_from_slice(names.as_bytes());
    pad(&mut out);
    words(&mut out, &[rows.len(), heap.len(), 1, 0]);
    out.extend_from_slice(&cells);
    out.extend_from_slice(&heap);
    pad(&mut out);
    let length = out.len() as u32;
    out[..4].copy_from_slice(&length.to_le_bytes());
    out
}

fn cell(cells: &mut Vec<u8>, tag: u32, len: usize, bits: u64) {
    words(cells, &[tag as usize, len]);
    cells.extend_from_slice(&bits.to_le_bytes());
}

fn words(out: &mut Vec<u8>, words: &[usize]) {
    for word in words {
        out.extend_from_slice(&(*word as u32).to_le_bytes());
    }
}

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(8), 0);
}

/// The rows as bytes.
#[wasm_bindgen]
pub fn rows_bytes() -> Uint8Array {
    READY.with_borrow(|ready| Uint8Array::from(ready.reply.as_slice()))
}

/// The rows as objects.
#[wasm_bindgen]
pub fn rows_serde() -> Result<JsValue, JsValue> {
    Ok(READY.with_borrow(|ready| serde_wasm_bindgen::to_value(&ready.rows))?)
}
