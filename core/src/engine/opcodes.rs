//! What only a statement's compiled form shows. <https://sqlite.org/opcode.html>

use super::Connection;
use super::Stepped;
use super::authorizer::Admit;
use super::statement::Statement;
use crate::error::Result;
use crate::value::ValueRef;

/// `OE_Fail` in SQLite's source: what was done before the error stays.
const FAIL: i64 = 3;

/// The number of a connection's temporary database.
const TEMP: i64 = 1;

/// What the opcodes of a statement show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Opcodes {
    /// One of them visits a whole table, in a single step of the virtual machine.
    pub(super) sweeps: bool,
    /// It writes to the connection's temporary database.
    pub(super) temporary: bool,
    /// An error in it, or in a trigger, may keep what was done before.
    pub(super) fails: bool,
}

/// Goes through the opcodes of a statement and of the triggers that it fires.
///
/// # Errors
/// What compiling returns.
pub(super) fn of(connection: &Connection, sql: &str) -> Result<Opcodes> {
    let sql = format!("EXPLAIN {sql}");
    // SAFETY: the connection is open and this thread alone uses it. An explained statement does not
    // run, and was admitted when it was itself compiled.
    let (explained, _) = unsafe {
        Statement::prepare(connection.raw, &connection.authorizer, Admit::Everything, &sql)
    };
    let mut explained = explained?;
    let mut found = Opcodes::default();
    while explained.step()? == Stepped::Row {
        let mut page = explained.page();
        explained.write_row(&mut page)?;
        let page = page.finish();
        let number = |column| match page.cell(column) {
            ValueRef::Integer(value) => value,
            _ => 0,
        };
        // Columns: addr, opcode, p1, p2, p3, p4, p5, comment.
        match page.cell(1).as_str() {
            Some("Count" | "Clear" | "Destroy" | "IntegrityCk") => found.sweeps = true,
            Some("Halt" | "HaltIfNull") => found.fails |= number(3) == FAIL,
            Some("OpenWrite") => found.temporary |= number(4) == TEMP,
            Some("VUpdate") => found.fails |= number(6) == FAIL,
            _ => {}
        }
    }
    Ok(found)
}
