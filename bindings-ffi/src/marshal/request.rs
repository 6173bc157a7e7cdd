//! Requests, from `marshal` to the core's own format.
//!
//! | operation | what follows `(id, op, handle, timeout` |
//! |---|---|
//! | a statement, a stream | sql, params |
//! | many rows | sql or table, rows, whether more follow |
//! | more of them | whether they are records, rows, whether more follow |
//! | a batch | a script, or a list of (sql, params) |
//! | the next rows, the next result | how many pages; the number of the result that the client has |
//! | the next batch | 1 to wait for it, or 0; the number of the one that the client has |
//! | a watch | sql, params, columns of the key |
//! | a watch of several queries | a list of those |
//! | a touch, a commit feed, an outbox | names of tables |
//! | an acknowledgement | the batch's number |
//! | applying a change set | a policy: its number, or the column of the newest; a list of (table, policy); the bytes |
//! | on migrations | what to do; a migration's number; flags; milliseconds to wait for the lock; the path that is being opened, or an empty text; a list of (name, text) |
//! | a copy into a file | whether it replaces a file, whether without unused space (1 or 0), the path |
//! | a copy as bytes | whether without unused space (1 or 0) |
//! | a restore | the path of a file, or the bytes of one |
//! | a recovery | the path of the damaged file, or an empty text for the database's own; the path of the new one |
//! | a replica | the path of its folder, or the number of the client's storage; five numbers |
//! | a replica that is restored | the same place; what moment is meant; its number; the path of the new file |
//! | what became of a task of a storage | the task's number; what became of it; names, bytes or a text |
//! | begin | the mode's number |
//! | on a table | its name, and: a record; a key; a key and a record; keys and a record |
//! | a selection | table, filters of (comparison, column[, operand]), order of (column, descending), limit or None, offset |
//! | a transfer | table, column, transfers of (from, to, amount) |
//!
//! `timeout` is `None` or milliseconds. An operation's number with [`CHECKED`] says that Python has
//! looked at each value: only then are bytes accepted, since a number of another library would
//! arrive as the bytes of its memory.

use ubiqlite::ext::wire::numbers::{op, request};

use super::read::{Item, MarshalReader};

/// Added to an operation's number: see above.
const CHECKED: u32 = 0x80;
/// Added to an operation's number: other tasks of this loop are writing too, so sharing a commit is
/// better than running within the call.
const QUEUED: u32 = 0x100;
/// Added to an operation's number: Python wants to know how long it waits and runs.
const TIMED: u32 = 0x200;

/// Adds the request in these bytes to `out`, and returns whether it fetches what comes next of
/// a stream or watch. `None`: the bytes are not one, or have values that need Python's rules.
pub(super) fn translate(bytes: &[u8], out: &mut Vec<u8>) -> Option<bool> {
    let mut from = MarshalReader::new(bytes);
    from.list()?;
    let id = from.u32()?;
    let number = from.u32()?;
    let handle = from.u32()?;
    let timeout = match from.item()? {
        Item::None => None,
        Item::Int(millis) => Some(u32::try_from(millis).ok()?),
        _ => return None,
    };
    let op = u8::try_from(number & !(CHECKED | QUEUED | TIMED)).ok()?;
    let queued = if number & QUEUED == 0 { 0 } else { request::QUEUED };
    let timed = if number & TIMED == 0 { 0 } else { request::TIMED };
    let limited = if timeout.is_none() { 0 } else { request::TIMEOUT };
    let mut to = Payload { from, out, checked: number & CHECKED != 0, more: false };
    to.u32(0);
    to.u32(id);
    to.out.extend_from_slice(&[op, limited | queued | timed]);
    to.u32(handle);
    if let Some(millis) = timeout {
        to.u32(millis);
    }
    to.payload(op)?;
    if !to.from.is_empty() {
        return None;
    }
    let more = to.more;
    let length = u32::try_from(out.len() - 4).ok()?;
    out[..4].copy_from_slice(&length.to_le_bytes());
    if more {
        out[9] |= request::MORE;
    }
    Some(op == op::NEXT)
}

struct Payload<'a, 'o> {
    from: MarshalReader<'a>,
    out: &'o mut Vec<u8>,
    checked: bool,
    more: bool,
}

impl Payload<'_, '_> {
    fn payload(&mut self, op: u8) -> Option<()> {
        match op {
            op::EXECUTE..=op::QUERY_VALUE | op::STREAM | op::RUN => {
                self.text()?;
                self.params()
            }
            op::EXECUTE_MANY => {
                self.text()?;
                self.rows(Self::params)
            }
            op::INSERT_MANY => {
                self.text()?;
                self.rows(Self::record)
            }
            op::MORE => match self.from.bool()? {
                false => self.rows(Self::params),
                true => self.rows(Self::record),
            },
            op::BATCH => self.batch(),
            op::WATCH => self.watched(),
            op::WATCH_ALL => self.each(|it| {
                it.exactly(3)?;
                it.watched()
            }),
            op::TOUCH | op::COMMITS | op::OUTBOX => self.each(Self::text),
            op::NEXT => {
                let number = self.from.u32()?;
                self.u32(number);
                if self.from.is_empty() { Some(()) } else { self.int() }
            }
            op::ACK => self.int(),
            op::APPLY => {
                self.policy()?;
                self.each(|it| {
                    it.exactly(2)?;
                    it.text()?;
                    it.policy()
                })?;
                match self.from.item()? {
                    Item::Bytes(bytes) => self.put_bytes(bytes),
                    _ => None,
                }
            }
            op::MIGRATIONS | op::MIGRATE => {
                self.byte()?;
                self.int()?;
                self.byte()?;
                self.int()?;
                self.text()?;
                self.each(|it| {
                    it.exactly(2)?;
                    it.text()?;
                    it.text()
                })
            }
            op::BACKUP => {
                self.byte()?;
                self.byte()?;
                self.text()
            }
            op::REPLICATE => {
                self.place()?;
                (0..5).try_for_each(|_| self.int())
            }
            op::REPLICA_RESTORE => {
                self.place()?;
                self.byte()?;
                self.int()?;
                self.text()
            }
            op::STORED => {
                self.int()?;
                self.byte()?;
                if self.from.is_empty() {
                    return Some(());
                }
                match self.from.item()? {
                    Item::Text(text) => self.put_text(text),
                    Item::Bytes(bytes) => self.put_bytes(bytes),
                    Item::List(count) => {
                        self.u32(count);
                        (0..count).try_for_each(|_| self.text())
                    }
                    _ => None,
                }
            }
            op::BEGIN | op::BACKUP_STREAM => self.byte(),
            op::RECOVER => {
                self.text()?;
                self.text()
            }
            op::RESTORE => match self.from.item()? {
                Item::Text(path) => {
                    self.out.push(0);
                    self.put_text(path)
                }
                Item::Bytes(bytes) => {
                    self.out.push(1);
                    self.put_bytes(bytes)
                }
                _ => None,
            },
            op::INSERT..=op::SELECT_WATCH => {
                self.text()?;
                self.on_table(op)
            }
            // All others have no payload.
            _ => Some(()),
        }
    }

    fn on_table(&mut self, op: u8) -> Option<()> {
        match op {
            op::INSERT | op::UPSERT => self.record(),
            op::GET | op::DELETE => self.key(),
            op::UPDATE => {
                self.key()?;
                self.record()
            }
            op::UPDATE_MANY => {
                self.each(Self::key)?;
                self.record()
            }
            op::SELECT..=op::SELECT_STREAM | op::SELECT_WATCH => self.selection(),
            op::TABLE_STREAM => Some(()),
            op::TRANSFER => {
                self.text()?;
                self.each(|it| {
                    it.exactly(3)?;
                    it.key()?;
                    it.key()?;
                    it.value()
                })
            }
            _ => None,
        }
    }

    /// A query to be watched, with the columns of its key.
    fn watched(&mut self) -> Option<()> {
        self.text()?;
        self.params()?;
        self.each(Self::text)
    }

    fn policy(&mut self) -> Option<()> {
        match self.from.item()? {
            Item::Int(number @ 0..=2) => {
                self.out.push(number as u8);
                Some(())
            }
            Item::Text(column) => {
                self.out.push(3);
                self.put_text(column)
            }
            _ => None,
        }
    }

    fn batch(&mut self) -> Option<()> {
        match self.from.item()? {
            Item::Text(script) => {
                self.out.push(0);
                self.put_text(script)
            }
            Item::List(count) => {
                self.out.push(1);
                self.u32(count);
                for _ in 0..count {
                    self.exactly(2)?;
                    self.text()?;
                    self.params()?;
                }
                Some(())
            }
            _ => None,
        }
    }

    fn selection(&mut self) -> Option<()> {
        self.each(|it| {
            let parts = it.from.list()?;
            let compare = u8::try_from(it.from.int()?).ok()?;
            it.out.push(compare);
            it.text()?;
            match (compare, parts) {
                (0..=7, 3) => it.value(),
                (8, 3) => it.each(Self::value),
                (9 | 10, 2) => Some(()),
                _ => None,
            }
        })?;
        self.each(|it| {
            it.exactly(2)?;
            it.text()?;
            let descending = it.from.bool()?;
            it.out.push(u8::from(descending));
            Some(())
        })?;
        match self.from.item()? {
            Item::None => self.out.push(0),
            Item::Int(limit) => {
                self.out.push(1);
                self.whole(limit)?;
            }
            _ => return None,
        }
        let offset = self.from.int()?;
        self.whole(offset)
    }

    /// Writes a number of rows: the wire has a double for JavaScript's sake, and no table has more
    /// rows than its whole numbers reach.
    fn whole(&mut self, number: i64) -> Option<()> {
        #[allow(clippy::cast_precision_loss, reason = "beyond 2^53 it means: all")]
        self.out.extend_from_slice(&(number as f64).to_le_bytes());
        Some(())
    }

    fn rows(&mut self, row: fn(&mut Self) -> Option<()>) -> Option<()> {
        self.each(row)?;
        self.more = self.from.bool()?;
        Some(())
    }

    fn each(&mut self, one: impl Fn(&mut Self) -> Option<()>) -> Option<()> {
        let count = self.from.list()?;
        self.u32(count);
        (0..count).try_for_each(|_| one(self))
    }

    /// Where a replica is.
    fn place(&mut self) -> Option<()> {
        match self.from.item()? {
            Item::Text(path) => {
                self.out.push(0);
                self.put_text(path)
            }
            Item::Int(handle) => {
                self.out.push(1);
                self.u32(u32::try_from(handle).ok()?);
                Some(())
            }
            _ => None,
        }
    }

    fn exactly(&mut self, count: u32) -> Option<()> {
        (self.from.list()? == count).then_some(())
    }

    fn params(&mut self) -> Option<()> {
        match self.from.item()? {
            Item::None => {
                self.out.push(0);
                Some(())
            }
            Item::List(count) => {
                self.out.push(1);
                self.u32(count);
                (0..count).try_for_each(|_| self.value())
            }
            Item::Dict => {
                self.out.push(2);
                self.named()
            }
            _ => None,
        }
    }

    fn record(&mut self) -> Option<()> {
        match self.from.item()? {
            Item::Dict => self.named(),
            _ => None,
        }
    }

    fn named(&mut self) -> Option<()> {
        let offset = self.out.len();
        self.u32(0);
        let mut count: u32 = 0;
        loop {
            match self.from.item()? {
                Item::Text(name) => self.put_text(name)?,
                Item::End => break,
                _ => return None,
            }
            self.value()?;
            count += 1;
        }
        self.out[offset..offset + 4].copy_from_slice(&count.to_le_bytes());
        Some(())
    }

    fn key(&mut self) -> Option<()> {
        match self.from.item()? {
            Item::List(count) => {
                self.u32(count);
                (0..count).try_for_each(|_| self.value())
            }
            item => {
                self.u32(1);
                self.put(item)
            }
        }
    }

    #[inline]
    fn value(&mut self) -> Option<()> {
        let item = self.from.item()?;
        self.put(item)
    }

    #[inline]
    fn put(&mut self, item: Item<'_>) -> Option<()> {
        match item {
            Item::None => self.out.push(0),
            Item::Bool(yes) => self.integer(i64::from(yes)),
            Item::Int(number) => self.integer(number),
            Item::Float(number) => {
                self.out.push(2);
                self.out.extend_from_slice(&number.to_le_bytes());
            }
            Item::Text(text) => {
                self.out.push(3);
                return self.put_text(text);
            }
            Item::Bytes(bytes) if self.checked => {
                self.out.push(4);
                return self.put_bytes(bytes);
            }
            Item::Bytes(_) | Item::List(_) | Item::Dict | Item::End => return None,
        }
        Some(())
    }

    fn int(&mut self) -> Option<()> {
        let number = self.from.int()?;
        self.out.extend_from_slice(&number.to_le_bytes());
        Some(())
    }

    fn byte(&mut self) -> Option<()> {
        let number = u8::try_from(self.from.int()?).ok()?;
        self.out.push(number);
        Some(())
    }

    fn integer(&mut self, number: i64) {
        self.out.push(1);
        self.out.extend_from_slice(&number.to_le_bytes());
    }

    fn text(&mut self) -> Option<()> {
        let text = self.from.text()?;
        self.put_text(text)
    }

    fn put_text(&mut self, text: &str) -> Option<()> {
        self.put_bytes(text.as_bytes())
    }

    fn put_bytes(&mut self, bytes: &[u8]) -> Option<()> {
        self.u32(u32::try_from(bytes.len()).ok()?);
        self.out.extend_from_slice(bytes);
        Some(())
    }

    fn u32(&mut self, number: u32) {
        self.out.extend_from_slice(&number.to_le_bytes());
    }
}
