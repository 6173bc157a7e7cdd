//! Requests to a DB-API connection: `marshal.dumps((id, op, …), 2)`.
//!
//! | op | what follows |
//! |---|---|
//! | 0 open | path, whether it may be a URI, milliseconds to wait for a lock, statements kept |
//! | 1 execute | cursor, sql, params, begin, most rows (negative: all) |
//! | 2 execute many | cursor, sql, a list of params, begin |
//! | 3 fetch | cursor, most rows |
//! | 4 reset | cursor |
//! | 5 script | sql, whether an open transaction is committed before |
//! | 6 end | whether by commit |
//! | 7 close, 8 interrupt | |
//! | 9 function | name, arguments, deterministic, address (0: none), whether it may run on any thread |
//! | 10 trace, 12 authorizer | address |
//! | 11 progress | address, steps |
//! | 13 extensions | whether they may be loaded |
//! | 14 extension | path, entry point or None |
//! | 15 backup | its number (0: a new one), the other connection's number, database, pages (negative: all) |
//! | 16 state, 17 serving | |
//! | 18 aggregate | name, arguments, address, whether it is a window function |
//! | 19 collation | name, address |
//! | 20 limit | category, value (negative: none) |
//! | 21 switch | which, whether on, or None |
//! | 22 serialize | database |
//! | 23 deserialize | database, bytes |
//! | 24 blob open | database, table, column, row id, whether it is written |
//! | 25 blob read | its number, where, how many bytes |
//! | 26 blob write | its number, where, bytes |
//! | 27 blob close | its number |
//! | 28 end of a backup | its number |
//! | 29 sleep | milliseconds |
//!
//! `begin` is 0: none, 1: deferred, 2: immediate, 3: exclusive. An op with [`CHECKED`] says that
//! Python has looked at each value, as in a database's requests.

use std::time::Duration;

use ubiqlite::Params;
use ubiqlite::ext::dbapi::{DbapiOptions, DbapiRequest};

use super::aggregates::Installed;
use super::blobs::Blob;
use super::callbacks::{Callback, Extensions};
use super::settings::Setting;
use crate::marshal::read::{Item, MarshalReader};

/// Added to an op.
const CHECKED: u32 = 0x80;

pub(super) struct Request {
    pub(super) id: u32,
    pub(super) what: RequestKind,
}

pub(super) enum RequestKind {
    Open { path: String, options: DbapiOptions },
    Ask(DbapiRequest),
    Close,
    Interrupt,
    Callback(Callback),
    Extensions(Extensions),
    Backup { number: u32, target: u64, name: String, pages: i32 },
    EndBackup { number: u32 },
    Sleep(Duration),
    State,
    Serving,
    Setting(Setting),
    Blob(Blob),
}

/// Reads a request. `None`: the bytes are not one, or have values that need Python's rules.
pub(super) fn read(bytes: &[u8]) -> Option<Request> {
    let mut from = MarshalReader::new(bytes);
    from.list()?;
    let id = from.u32()?;
    let number = from.u32()?;
    let what = what(&mut from, number & !CHECKED, number & CHECKED != 0)?;
    from.is_empty().then_some(Request { id, what })
}

fn what(from: &mut MarshalReader<'_>, op: u32, checked: bool) -> Option<RequestKind> {
    Some(match op {
        0 => {
            let path = from.text()?.to_owned();
            let uri = from.bool()?;
            let busy_timeout = Duration::from_millis(u64::try_from(from.int()?).unwrap_or(0));
            let cached_statements = usize::try_from(from.int()?).unwrap_or(0);
            let named_by_position = from.bool()?;
            let options = DbapiOptions { uri, busy_timeout, cached_statements, named_by_position };
            RequestKind::Open { path, options }
        }
        1 => RequestKind::Ask(DbapiRequest::Execute {
            cursor: from.u32()?,
            sql: from.text()?.to_owned(),
            params: params(from, checked)?,
            begin: begin(from)?,
            most: most(from)?,
        }),
        2 => {
            let (cursor, sql) = (from.u32()?, from.text()?.to_owned());
            let count = from.list()?;
            let each = (0..count).map(|_| params(from, checked)).collect::<Option<_>>()?;
            RequestKind::Ask(DbapiRequest::ExecuteMany { cursor, sql, each, begin: begin(from)? })
        }
        3 => RequestKind::Ask(DbapiRequest::Fetch { cursor: from.u32()?, most: most(from)? }),
        4 => RequestKind::Ask(DbapiRequest::Reset { cursor: from.u32()? }),
        5 => RequestKind::Ask(DbapiRequest::Script {
            sql: from.text()?.to_owned(),
            commit: from.bool()?,
        }),
        6 => RequestKind::Ask(DbapiRequest::End {
            sql: if from.bool()? { "COMMIT" } else { "ROLLBACK" },
        }),
        7 => RequestKind::Close,
        8 => RequestKind::Interrupt,
        9 => RequestKind::Callback(Callback::Function {
            name: from.text()?.to_owned(),
            arguments: i32::try_from(from.int()?).ok()?,
            deterministic: from.bool()?,
            address: address(from)?,
            anywhere: from.bool()?,
        }),
        10 => RequestKind::Callback(Callback::Trace(address(from)?)),
        11 => RequestKind::Callback(Callback::Progress(
            address(from)?,
            i32::try_from(from.int()?).unwrap_or(i32::MAX),
        )),
        12 => RequestKind::Callback(Callback::Authorizer(address(from)?)),
        13 => RequestKind::Extensions(Extensions::Allow(from.bool()?)),
        14 => {
            let path = from.text()?.to_owned();
            let entry = match from.item()? {
                Item::Text(entry) => Some(entry.to_owned()),
                Item::None => None,
                _ => return None,
            };
            RequestKind::Extensions(Extensions::Load { path, entry })
        }
        15 => RequestKind::Backup {
            number: from.u32()?,
            target: u64::try_from(from.int()?).ok()?,
            name: from.text()?.to_owned(),
            pages: i32::try_from(from.int()?).unwrap_or(-1),
        },
        16 => RequestKind::State,
        17 => RequestKind::Serving,
        18 => RequestKind::Callback(Callback::Aggregate(Installed {
            name: from.text()?.to_owned(),
            arguments: i32::try_from(from.int()?).ok()?,
            address: address(from)?,
            window: from.bool()?,
        })),
        19 => RequestKind::Callback(Callback::Collation {
            name: from.text()?.to_owned(),
            address: address(from)?,
        }),
        20 => RequestKind::Setting(Setting::Limit(i32(from)?, i32(from)?)),
        21 => RequestKind::Setting(Setting::Switch(
            i32(from)?,
            match from.item()? {
                Item::Bool(on) => Some(on),
                Item::None => None,
                _ => return None,
            },
        )),
        22 => RequestKind::Setting(Setting::Serialize(from.text()?.to_owned())),
        23 => RequestKind::Setting(Setting::Deserialize(from.text()?.to_owned(), bytes(from)?)),
        24 => RequestKind::Blob(Blob::Open {
            database: from.text()?.to_owned(),
            table: from.text()?.to_owned(),
            column: from.text()?.to_owned(),
            row: from.int()?,
            writes: from.bool()?,
        }),
        25 => {
            RequestKind::Blob(Blob::Read { blob: from.u32()?, at: i32(from)?, length: i32(from)? })
        }
        26 => RequestKind::Blob(Blob::Write {
            blob: from.u32()?,
            at: i32(from)?,
            bytes: bytes(from)?,
        }),
        27 => RequestKind::Blob(Blob::Close { blob: from.u32()? }),
        28 => RequestKind::EndBackup { number: from.u32()? },
        29 => RequestKind::Sleep(Duration::from_millis(u64::from(from.u32()?))),
        _ => return None,
    })
}

fn i32(from: &mut MarshalReader<'_>) -> Option<i32> {
    i32::try_from(from.int()?).ok()
}

fn bytes(from: &mut MarshalReader<'_>) -> Option<Vec<u8>> {
    match from.item()? {
        Item::Bytes(bytes) => Some(bytes.to_vec()),
        _ => None,
    }
}

fn address(from: &mut MarshalReader<'_>) -> Option<usize> {
    usize::try_from(from.int()?).ok()
}

fn most(from: &mut MarshalReader<'_>) -> Option<usize> {
    Some(usize::try_from(from.int()?).unwrap_or(usize::MAX))
}

#[allow(clippy::option_option, reason = "none of the known, or unknown")]
fn begin(from: &mut MarshalReader<'_>) -> Option<Option<&'static str>> {
    Some(match from.int()? {
        0 => None,
        1 => Some("BEGIN DEFERRED"),
        2 => Some("BEGIN IMMEDIATE"),
        3 => Some("BEGIN EXCLUSIVE"),
        _ => return None,
    })
}

fn params(from: &mut MarshalReader<'_>, checked: bool) -> Option<Params> {
    let mut params = Params::new();
    match from.item()? {
        Item::None => {}
        Item::List(count) => {
            for _ in 0..count {
                params.push(value(from, checked)?);
            }
        }
        Item::Dict => loop {
            match from.item()? {
                Item::Text(name) => params.push_named(name, value(from, checked)?),
                Item::End => {
                    if params.is_empty() {
                        // An empty map is still a map: it gets a name that no statement has.
                        params.push_named("", ubiqlite::Value::Null);
                    }
                    break;
                }
                _ => return None,
            }
        },
        _ => return None,
    }
    Some(params)
}

fn value(from: &mut MarshalReader<'_>, checked: bool) -> Option<ubiqlite::Value> {
    Some(match from.item()? {
        Item::None => ubiqlite::Value::Null,
        Item::Bool(yes) => ubiqlite::Value::Integer(i64::from(yes)),
        Item::Int(number) => ubiqlite::Value::Integer(number),
        Item::Float(number) => ubiqlite::Value::Real(number),
        Item::Text(text) => ubiqlite::Value::Text(text.to_owned()),
        Item::Bytes(bytes) if checked => ubiqlite::Value::Blob(bytes.to_vec()),
        Item::Bytes(_) | Item::List(_) | Item::Dict | Item::End => return None,
    })
}
