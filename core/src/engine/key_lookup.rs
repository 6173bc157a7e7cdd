//! Which rows of its table a query can read, as the program shows that SQLite has compiled for it.
//!
//! Many queries read the rows with one value of a column and no others: by the rowid, by a key, or
//! a range of an index. A change of another row does not concern them. What a program reads is
//! certain only if each of its instructions is known, so one that is not in this list makes the
//! query read any row. <https://sqlite.org/opcode.html>

use std::ops::Range;

use crate::row::Row;
use crate::sql::Params;
use crate::value::Value;

/// An instruction, as `EXPLAIN` returns it.
#[derive(Debug)]
pub(super) struct Instruction {
    opcode: Box<str>,
    p1: i64,
    p2: i64,
    p3: i64,
    p4: Box<str>,
}

/// The rows that a query can read.
#[derive(Debug, PartialEq)]
pub(super) struct Lookup {
    /// The root page of the table, or of the index, through which it goes.
    pub(super) root: i64,
    /// It is the rowid that has the value, and else the first column of the index.
    pub(super) by_rowid: bool,
    pub(super) value: Value,
}

impl Instruction {
    /// Reads a row of `EXPLAIN`.
    pub(super) fn of(row: &Row) -> crate::error::Result<Self> {
        let p4 = row.get::<Option<&str>>(5).ok().flatten().unwrap_or_default();
        let opcode = row.get::<&str>(1)?.into();
        Ok(Self { opcode, p1: row.get(2)?, p2: row.get(3)?, p3: row.get(4)?, p4: p4.into() })
    }

    /// The root page that it opens in the main database.
    pub(super) fn opens(&self) -> Option<i64> {
        (matches!(&*self.opcode, "OpenRead" | "ReopenIdx") && self.p3 == 0).then_some(self.p2)
    }

    /// The registers that it may write, if that is known.
    fn writes(&self) -> Option<Range<i64>> {
        let one = |register: i64| register..register + 1;
        Some(match &*self.opcode {
            "Init" | "Goto" | "Halt" | "Transaction" | "ResultRow" | "Noop" | "Explain"
            | "CollSeq" | "Once" | "If" | "IfNot" | "IsNull" | "NotNull" | "Eq" | "Ne" | "Lt"
            | "Le" | "Gt" | "Ge" | "OpenRead" | "ColumnsUsed" | "SeekRowid" | "NotExists"
            | "SeekGE" | "SeekGT" | "SeekLE" | "SeekLT" | "IdxGE" | "IdxGT" | "IdxLE" | "IdxLT"
            | "DeferredSeek" | "Next" | "Prev" | "SorterOpen" | "SorterInsert" | "SorterSort"
            | "SorterNext" | "OpenPseudo" => 0..0,
            // It only converts a value to the type of the column that it is compared with.
            "Affinity" => 0..0,
            "Integer" | "Int64" | "Real" | "String8" | "Blob" | "Variable" | "Rowid"
            | "IdxRowid" | "SCopy" | "SorterData" | "Sequence" | "Not" | "BitNot"
            | "OffsetLimit" => one(self.p2),
            "Null" => self.p2..self.p2.max(self.p3) + 1,
            "Copy" => self.p2..self.p2 + self.p3 + 1,
            "Column" | "Function" | "PureFunc" | "MakeRecord" | "AggStep" | "AggValue" | "Add"
            | "Subtract" | "Multiply" | "Divide" | "Remainder" | "Concat" | "BitAnd" | "BitOr"
            | "And" | "Or" => one(self.p3),
            "AggFinal" | "RealAffinity" | "Cast" | "MustBeInt" | "DecrJumpZero" | "IfPos"
            | "AddImm" => one(self.p1),
            _ => return None,
        })
    }

    /// The value that it puts into its register, if that is always the same.
    fn constant(&self, params: &Params) -> Option<Value> {
        match &*self.opcode {
            "Integer" => Some(Value::Integer(self.p1)),
            "Int64" => self.p4.parse().ok().map(Value::Integer),
            "String8" => Some(Value::Text((*self.p4).into())),
            // With names, the numbers are those of the names in the statement.
            "Variable" if params.names().is_empty() => {
                let index = usize::try_from(self.p1).ok()?.checked_sub(1)?;
                params.values().get(index).cloned()
            }
            _ => None,
        }
    }
}

/// Returns the rows that a program can read, if they are those with one value.
pub(super) fn lookup(program: &[Instruction], params: &Params) -> Option<Lookup> {
    let mut seek = None;
    let mut end = None;
    for step in program {
        step.writes()?;
        let place = match &*step.opcode {
            "SeekRowid" | "NotExists" | "SeekGE" | "SeekGT" | "SeekLE" | "SeekLT" => &mut seek,
            "IdxGE" | "IdxGT" | "IdxLE" | "IdxLT" => &mut end,
            _ => continue,
        };
        if place.replace(step).is_some() {
            return None;
        }
    }
    let seek: &Instruction = seek?;
    let by_rowid = matches!(&*seek.opcode, "SeekRowid" | "NotExists");
    // Without an end at the value where it begins, it is a range of others.
    let ends = match end {
        None => by_rowid,
        Some(end) => {
            let up = matches!(&*seek.opcode, "SeekGE" | "SeekGT");
            let same = end.p1 == seek.p1 && end.p3 == seek.p3;
            !by_rowid && same && up == matches!(&*end.opcode, "IdxGE" | "IdxGT")
        }
    };
    if !ends {
        return None;
    }
    let mut writers = program
        .iter()
        .filter(|step| step.writes().is_some_and(|registers| registers.contains(&seek.p3)));
    let value = writers.next()?.constant(params)?;
    if writers.next().is_some() || value == Value::Null {
        return None;
    }
    let mut opened =
        program.iter().filter(|step| &*step.opcode == "OpenRead" && step.p1 == seek.p1);
    let root = opened.next()?.opens()?;
    opened.next().is_none().then_some(Lookup { root, by_rowid, value })
}
