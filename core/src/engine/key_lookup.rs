//! Which rows of its tables a query can read, as the program shows that SQLite has compiled for it.
//!
//! Many queries read the rows with one value of a column and no others: by the rowid, by a key, or
//! a range of an index. A change of another row does not concern them. What a program reads is
//! certain only if each of its instructions is known, so one that is not in this list makes the
//! query read any row. <https://sqlite.org/opcode.html>

use std::ops::{Range, RangeInclusive};

use crate::changes::TermTest;
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

/// Where a query begins to read rows.
#[derive(Debug, PartialEq)]
pub(super) struct Lookup {
    /// The root page of the table, or of the index, through which it goes.
    pub(super) root: i64,
    /// The rows that it can read there, if they are not all.
    pub(super) rows: Option<WantedRows>,
}

/// How an instruction begins to read the rows of its cursor.
#[derive(Debug, Clone, Copy)]
enum Start {
    /// At a rowid, and at no other row.
    Rowid,
    /// At a value, from where it moves.
    Range {
        /// To greater ones.
        up: bool,
    },
    /// At one end of them all.
    End,
}

/// The rows with one value, or with the rowids of a range.
#[derive(Debug, PartialEq)]
pub(super) struct WantedRows {
    /// It is the rowid that has the value, and else the first column of the index.
    pub(super) by_rowid: bool,
    pub(super) wanted: TermTest,
}

impl Instruction {
    /// Reads a row of `EXPLAIN`.
    pub(super) fn of(row: &Row) -> crate::error::Result<Self> {
        let p4 = row.get::<Option<&str>>(5).ok().flatten().unwrap_or_default();
        let opcode = row.get::<&str>(1)?.into();
        Ok(Self { opcode, p1: row.get(2)?, p2: row.get(3)?, p3: row.get(4)?, p4: p4.into() })
    }

    /// Whether its second operand may be the address of another instruction.
    fn jumps(&self) -> bool {
        !matches!(
            &*self.opcode,
            "Integer"
                | "Int64"
                | "Real"
                | "String8"
                | "Blob"
                | "Variable"
                | "Null"
                | "Rowid"
                | "Column"
                | "RealAffinity"
                | "Affinity"
                | "Copy"
                | "SCopy"
                | "MakeRecord"
                | "ResultRow"
                | "OpenRead"
                | "OpenPseudo"
                | "SorterOpen"
                | "SorterInsert"
                | "SorterData"
                | "AggStep"
                | "AggFinal"
                | "Halt"
                | "Transaction"
        )
    }

    /// How it begins to read rows, if it does.
    fn start(&self) -> Option<Start> {
        Some(match &*self.opcode {
            "SeekRowid" | "NotExists" => Start::Rowid,
            "SeekGE" | "SeekGT" => Start::Range { up: true },
            "SeekLE" | "SeekLT" => Start::Range { up: false },
            "Rewind" | "Last" => Start::End,
            _ => return None,
        })
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
            | "SorterNext" | "OpenPseudo" | "Rewind" | "Last" => 0..0,
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

/// Returns every place where a program begins to read rows; it reads none elsewhere. `None`: it may
/// read any.
pub(super) fn lookups(program: &[Instruction], params: &Params) -> Option<Vec<Lookup>> {
    let mut seeks = Vec::new();
    let mut ends = Vec::new();
    for (index, step) in program.iter().enumerate() {
        step.writes()?;
        if let Some(start) = step.start() {
            seeks.push((index, start));
        } else if matches!(&*step.opcode, "IdxGE" | "IdxGT" | "IdxLE" | "IdxLT") {
            ends.push(step);
        }
    }
    let found = seeks.iter().map(|&(at, start)| {
        let seek = &program[at];
        let mut opened =
            program.iter().filter(|step| &*step.opcode == "OpenRead" && step.p1 == seek.p1);
        let opened = opened.next().filter(|_| opened.next().is_none())?;
        // An index is opened with how its keys compare.
        let alone = ends.is_empty() && seeks.len() == 1 && !opened.p4.starts_with('k');
        let mut own_ends = ends.iter().filter(|end| end.p1 == seek.p1);
        let rows = match (start, own_ends.next(), own_ends.next()) {
            (Start::Rowid, None, _) => value_at(program, seek, true, params),
            // It ends at the value where it begins.
            (Start::Range { up }, Some(end), None)
                if end.p3 == seek.p3 && up == matches!(&*end.opcode, "IdxGE" | "IdxGT") =>
            {
                value_at(program, seek, false, params)
            }
            (Start::Range { up }, None, _) if alone => rowids(program, at, up, params)
                .map(|rows| WantedRows { by_rowid: true, wanted: TermTest::Between(rows) }),
            _ => None,
        };
        Some(Lookup { root: opened.opens()?, rows })
    });
    found.collect()
}

/// Returns the value that all rows have which a seek can find.
fn value_at(
    program: &[Instruction],
    seek: &Instruction,
    by_rowid: bool,
    params: &Params,
) -> Option<WantedRows> {
    let value = constant_in(program, seek.p3, params)?;
    let wanted = (value != Value::Null).then(|| TermTest::In(vec![value]))?;
    Some(WantedRows { by_rowid, wanted })
}

/// Returns what a register always has, if only one instruction writes it.
fn constant_in(program: &[Instruction], register: i64, params: &Params) -> Option<Value> {
    let mut writers = program
        .iter()
        .filter(|step| step.writes().is_some_and(|registers| registers.contains(&register)));
    let writer = writers.next()?;
    if writers.next().is_some() { None } else { writer.constant(params) }
}

/// Returns the rowids at which the loop of a program can look, which begins with the seek at `seek`
/// in a table and moves by one instruction. At its head it may compare each with where it ends.
fn rowids(
    program: &[Instruction],
    seek: usize,
    up: bool,
    params: &Params,
) -> Option<RangeInclusive<i64>> {
    let integer = |register| match constant_in(program, register, params) {
        Some(Value::Integer(value)) => Some(value),
        _ => None,
    };
    let begin = &program[seek];
    let first = integer(begin.p3)?;
    let first = match &*begin.opcode {
        "SeekGT" => first.checked_add(1)?,
        "SeekLT" => first.checked_sub(1)?,
        _ => first,
    };
    let moves = |step: &Instruction| matches!(&*step.opcode, "Next" | "Prev");
    let mut movers = program.iter().enumerate().filter(|(_, it)| moves(it) && it.p1 == begin.p1);
    let (last, mover) = movers.next()?;
    if movers.next().is_some() || (&*mover.opcode == "Next") != up {
        return None;
    }
    let head = usize::try_from(mover.p2).ok().filter(|head| seek < *head && *head < last)?;
    let end = end_of(program, seek, head..=last, up).and_then(|compare| {
        let bound = integer(compare.p1)?;
        match &*compare.opcode {
            "Ge" => bound.checked_sub(1),
            "Le" => bound.checked_add(1),
            _ => Some(bound),
        }
    });
    Some(if up { first..=end.unwrap_or(i64::MAX) } else { end.unwrap_or(i64::MIN)..=first })
}

/// Returns what compares each rowid at the head of a loop with where it ends: what is beyond leaves
/// the loop, and nothing enters it elsewhere.
fn end_of(
    program: &[Instruction],
    seek: usize,
    looped: RangeInclusive<usize>,
    up: bool,
) -> Option<&Instruction> {
    let (head, last) = (*looped.start(), *looped.end());
    let [rowid, compare] = program.get(head..head + 2)? else { return None };
    let ends = match &*compare.opcode {
        "Gt" | "Ge" => up,
        "Lt" | "Le" => !up,
        _ => false,
    };
    let of_row =
        &*rowid.opcode == "Rowid" && rowid.p1 == program[seek].p1 && compare.p3 == rowid.p2;
    let leaves = usize::try_from(compare.p2).is_ok_and(|to| to > last);
    let straight = |it: &Instruction| matches!(&*it.opcode, "Integer" | "Int64" | "Variable");
    let enters = |(at, it): (usize, &Instruction)| {
        let to = usize::try_from(it.p2).unwrap_or(usize::MAX);
        it.jumps() && !looped.contains(&at) && (head + 1..=last).contains(&to)
    };
    let whole = ends
        && of_row
        && leaves
        && program[seek + 1..head].iter().all(straight)
        && !program.iter().enumerate().any(enters);
    whole.then_some(compare)
}
