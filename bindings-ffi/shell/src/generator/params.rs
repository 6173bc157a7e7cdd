//! The types of a query's parameters, of which SQLite knows nothing.
//!
//! A parameter has the type of the column that it is compared with or written to, where that can't
//! be another: otherwise it takes any value.

use super::model::{Field, Kind, Table, Type};
use super::rows::{depths, views};
use super::sources::{Sources, field};
use super::tokens::{Token, TokenKind, tokens};

/// Returns the parameters in order. `Err`: what is wrong, and where in the SQL.
pub(crate) fn fields(
    sql: &str,
    names: &[Option<String>],
    tables: &[Table],
) -> Result<Vec<Field>, (usize, String)> {
    let all = tokens(sql);
    let query = Query::new(&all, tables);
    let mut uses: Vec<Vec<Use>> = names.iter().map(|_| Vec::new()).collect();
    let mut known: Vec<&str> = Vec::new();
    for (index, token) in all.iter().enumerate().filter(|(_, it)| it.kind == TokenKind::Param) {
        let place = place_of(token.text, &mut known).filter(|it| *it <= uses.len());
        let place = place.ok_or((token.at, format!("{} is no parameter here", token.text)))?;
        uses[place - 1].push(query.usage(index));
    }
    let told = |name: &Option<String>| {
        name.as_deref().filter(|name| !name.starts_with('?')).map(|name| name[1..].to_owned())
    };
    // A name that the query gives stays that parameter's, also behind one without a name.
    let given: Vec<_> = names.iter().filter_map(told).collect();
    let mut found: Vec<Field> = Vec::new();
    for (index, (name, uses)) in names.iter().zip(&uses).enumerate() {
        if uses.is_empty() {
            let message =
                format!("the parameter ?{} is missing: number them without gaps", index + 1);
            return Err((0, message));
        }
        let told = told(name);
        let is_told = told.is_some();
        let hint = || uses.iter().find_map(|it| it.column.clone());
        let name = told.or_else(hint).unwrap_or_else(|| format!("p{}", index + 1));
        let taken = |name: &str| {
            found.iter().any(|it| it.name == name)
                || (!is_told && given.iter().any(|given| given == name))
        };
        let unique = (2..).map(|number| format!("{name}_{number}"));
        let name =
            std::iter::once(name.clone()).chain(unique).find(|it| !taken(it)).unwrap_or(name);
        found.push(Field { name, of: merged(uses) });
    }
    Ok(found)
}

/// Returns the index of a parameter from 1, as SQLite counts. `known`: the names so far.
fn place_of<'a>(text: &'a str, known: &mut Vec<&'a str>) -> Option<usize> {
    if let Some(number) = text.strip_prefix('?').filter(|it| !it.is_empty()) {
        let place = number.parse().ok().filter(|it| (1..=32_766).contains(it))?;
        if known.len() < place {
            known.resize(place, "");
        }
        return Some(place);
    }
    let place = if text == "?" { None } else { known.iter().position(|it| *it == text) };
    Some(place.map_or_else(
        || {
            known.push(text);
            known.len()
        },
        |place| place + 1,
    ))
}

/// What one place in the query tells of a parameter.
#[derive(Debug, Default)]
struct Use {
    kind: Option<Kind>,
    nullable: bool,
    /// The column that it belongs to.
    column: Option<String>,
}

fn merged(uses: &[Use]) -> Type {
    let mut kinds = uses.iter().filter_map(|it| it.kind);
    let first = kinds.next().unwrap_or(Kind::Any);
    let kind = if kinds.all(|it| it == first) { first } else { Kind::Any };
    Type::new(kind, uses.iter().any(|it| it.nullable))
}

struct Query<'q, 'a> {
    all: &'q [Token<'a>],
    depths: Vec<usize>,
    sources: Sources<'q>,
    /// A name of a column may be one that the query itself gives.
    renames: bool,
    /// Of the tokens in the rows of an `INSERT`, the columns.
    inserted: Vec<(usize, &'q Field)>,
}

impl<'q, 'a> Query<'q, 'a> {
    fn new(all: &'q [Token<'a>], tables: &'q [Table]) -> Self {
        let from_query = |pair: &[Token<'a>]| {
            let place = pair[0].is_any(&["FROM", "JOIN"]) || pair[0].is_sign(",");
            place && pair[1].is_sign("(") && pair[2].is_any(&["SELECT", "VALUES", "WITH"])
        };
        let renames = all.iter().any(|it| it.is("WITH"))
            || all.windows(3).any(from_query)
            || !views(all, tables).is_empty();
        let mut query = Self {
            all,
            depths: depths(all),
            sources: Sources::new(all, tables),
            renames,
            inserted: Vec::new(),
        };
        query.inserted = query.inserted(tables).unwrap_or_default();
        query
    }

    /// Returns what is told of the parameter at this token.
    fn usage(&self, at: usize) -> Use {
        if let Some((_, field)) = self.inserted.iter().find(|(index, _)| *index == at) {
            let nullable = self.sources.target().is_none_or(|it| is_nullable(it, field));
            return of_column(field.of.kind, nullable, &field.name);
        }
        let before = |back: usize| at.checked_sub(back).map(|index| &self.all[index]);
        let is = |back: usize, words: &[&str]| before(back).is_some_and(|it| it.is_any(words));
        let sign = |back: usize, sign: &str| before(back).is_some_and(|it| it.is_sign(sign));
        let next = self.all.get(at + 1);
        if next.is_some_and(|it| it.is_any(&["IS", "ISNULL", "NOTNULL"]))
            || (sign(1, "(") && is(2, &["coalesce", "ifnull"]))
        {
            return Use { nullable: true, ..Use::default() };
        }
        if let Some(name) = self.limits(at) {
            return Use {
                kind: Some(Kind::Integer),
                nullable: false,
                column: Some(name.to_owned()),
            };
        }
        if is(1, &["LIKE", "GLOB"]) && self.ends(at) {
            return Use { kind: Some(Kind::Text), ..Use::default() };
        }
        let compares = ["=", "==", "!=", "<>", "<", "<=", ">", ">="];
        let column = if compares.iter().any(|it| sign(1, it)) || is(1, &["IS"]) {
            (2, is(1, &["IS"]))
        } else if is(1, &["NOT"]) && is(2, &["IS"]) {
            (3, true)
        } else if is(1, &["BETWEEN"]) {
            (2, false)
        } else if is(1, &["AND"]) && is(3, &["BETWEEN"]) {
            (4, false)
        } else if let Some(back) = self.listed(at) {
            (back, false)
        } else {
            return Use::default();
        };
        let (back, nullable) = column;
        let Some(column) = at.checked_sub(back).filter(|_| self.ends(at)) else {
            return Use::default();
        };
        self.compared(column, nullable, sign(1, "="))
    }

    /// Returns which of its two numbers a parameter of a `LIMIT` clause is. In `LIMIT a, b` the first
    /// is the offset.
    fn limits(&self, at: usize) -> Option<&'static str> {
        let begin = at.checked_sub(1)?;
        if self.all[begin].is("OFFSET") {
            return Some("offset");
        }
        let here = |index: &usize| self.depths[*index] == self.depths[at];
        if self.all[begin].is("LIMIT") {
            let inside = |index: &usize| self.depths[*index] >= self.depths[at];
            let comma = (at + 1..self.all.len())
                .take_while(inside)
                .filter(here)
                .any(|index| self.all[index].is_sign(","));
            return Some(if comma { "offset" } else { "limit" });
        }
        let comma = self.all[begin].is_sign(",") && here(&begin);
        let clause = (0..begin)
            .rev()
            .take_while(|index| self.depths[*index] >= self.depths[at])
            .filter(here)
            .find(|index| self.all[*index].is_any(&["LIMIT", "SELECT", "SET", "BY", "VALUES"]));
        clause.filter(|index| comma && self.all[*index].is("LIMIT")).map(|_| "limit")
    }

    /// Returns how far before the parameter the column is in whose `IN` list it is.
    fn listed(&self, at: usize) -> Option<usize> {
        let mut index = at.checked_sub(1)?;
        while self.all[index].is_sign(",")
            && self.all[index.checked_sub(1)?].kind == TokenKind::Param
        {
            index = index.checked_sub(2)?;
        }
        let word = index.checked_sub(1).filter(|_| self.all[index].is_sign("("))?;
        if !self.all[word].is("IN") {
            return None;
        }
        let not = word.checked_sub(1).is_some_and(|it| self.all[it].is("NOT"));
        Some(at - word + if not { 2 } else { 1 })
    }

    /// Returns what a comparison with the name at this token tells.
    fn compared(&self, at: usize, nullable: bool, assigns: bool) -> Use {
        let Some(name) = self.all[at].name() else { return Use::default() };
        let dot = at.checked_sub(1).is_some_and(|it| self.all[it].is_sign("."));
        let start = if dot { at.saturating_sub(2) } else { at };
        if !self.begins(start) {
            return Use::default();
        }
        let is_first = self.all[start - 1].is("SET") || self.all[start - 1].is_sign(",");
        let assigns = assigns && is_first && self.clause(start).is_some_and(|it| it.is("SET"));
        if assigns {
            // What is written is always a column of the table.
            return self.sources.written(&name).map_or_else(Use::default, |(table, field)| {
                of_column(field.of.kind, nullable || is_nullable(table, field), &name)
            });
        }
        if self.renames {
            return Use::default();
        }
        let qualifier = if dot { self.all[start].name() } else { None };
        if dot && qualifier.is_none() {
            return Use::default();
        }
        let fields = self.sources.columns(qualifier.as_deref(), &name);
        let Some(first) = fields.first() else { return Use::default() };
        if fields.iter().any(|it| it.of.kind != first.of.kind) {
            return Use { kind: Some(Kind::Any), nullable: true, column: Some(name) };
        }
        of_column(first.of.kind, nullable, &name)
    }

    /// Whether an operand may begin at this token: nothing before it is part of the expression.
    fn begins(&self, start: usize) -> bool {
        let Some(before) = start.checked_sub(1) else { return false };
        if self.all[before].is("AND")
            && before.checked_sub(2).is_some_and(|it| self.all[it].is("BETWEEN"))
        {
            return false;
        }
        let words = ["WHERE", "AND", "OR", "ON", "NOT", "HAVING", "WHEN", "SET", "SELECT"];
        self.all[before].is_any(&words)
            || self.all[before].is_sign("(")
            || self.all[before].is_sign(",")
    }

    /// Whether the expression ends with this token.
    fn ends(&self, at: usize) -> bool {
        let words = [
            "AND",
            "OR",
            "ORDER",
            "GROUP",
            "LIMIT",
            "RETURNING",
            "WHERE",
            "HAVING",
            "WINDOW",
            "FROM",
            "THEN",
            "WHEN",
            "ELSE",
            "END",
            "UNION",
            "EXCEPT",
            "INTERSECT",
            "ON",
            "JOIN",
            "LEFT",
            "RIGHT",
            "FULL",
            "INNER",
            "CROSS",
            "NATURAL",
            "ESCAPE",
            "AS",
        ];
        self.all.get(at + 1).is_none_or(|it| {
            it.is_any(&words) || [")", ",", ";"].iter().any(|sign| it.is_sign(sign))
        })
    }

    /// Returns the word that begins the clause in which a token is.
    fn clause(&self, at: usize) -> Option<&Token<'a>> {
        let words =
            ["SET", "WHERE", "SELECT", "FROM", "ON", "HAVING", "RETURNING", "VALUES", "WHEN", "BY"];
        let same = |index: &usize| {
            self.depths[*index] == self.depths[at] && self.all[*index].is_any(&words)
        };
        (0..at).rev().find(same).map(|index| &self.all[index])
    }

    /// Finds the parameters that are values of an `INSERT`, each with its column.
    fn inserted(&self, tables: &'q [Table]) -> Option<Vec<(usize, &'q Field)>> {
        let all = self.all;
        let into = all
            .iter()
            .position(|it| it.is("INTO"))
            .filter(|_| all[0].is_any(&["INSERT", "REPLACE"]))?;
        let mut at = into + 1;
        if all.get(at + 1)?.is_sign(".") {
            at += 2;
        }
        let table = tables.iter().find(|it| is_name(&all[at], &it.name))?;
        at += if all.get(at + 1)?.is("AS") { 3 } else { 1 };
        let named = table.fields.iter().map(Some).filter(|_| !table.computed);
        let mut columns: Vec<Option<&Field>> = named.collect();
        if all.get(at)?.is_sign("(") {
            let close = (at + 1..all.len()).find(|it| self.depths[*it] == 0)?;
            let names = all[at + 1..close].iter().filter(|it| !it.is_sign(","));
            columns = names.map(|it| field(table, &it.name()?)).collect();
            at = close + 1;
        }
        if !all.get(at)?.is("VALUES") {
            return None;
        }
        let mut found = Vec::new();
        let mut place = 0;
        for index in at + 1..all.len() {
            match self.depths[index] {
                0 if all[index].is_sign("(") => place = 0,
                0 if all[index].is_sign(")") || all[index].is_sign(",") => {}
                0 => break,
                1 if all[index].is_sign(",") => place += 1,
                1 if all[index].kind == TokenKind::Param => {
                    let alone =
                        |it: &Token<'_>| it.is_sign("(") || it.is_sign(",") || it.is_sign(")");
                    let whole = alone(&all[index - 1]) && all.get(index + 1).is_some_and(alone);
                    if let Some(Some(field)) = columns.get(place).filter(|_| whole) {
                        found.push((index, *field));
                    }
                }
                _ => {}
            }
        }
        Some(found)
    }
}

fn of_column(kind: Kind, nullable: bool, name: &str) -> Use {
    Use { kind: Some(kind), nullable, column: Some(name.to_owned()) }
}

/// Whether NULL can be written: what a view's triggers do with it is their affair.
fn is_nullable(table: &Table, field: &Field) -> bool {
    field.of.nullable || table.view.is_some()
}

fn is_name(token: &Token<'_>, name: &str) -> bool {
    token.any_name().is_some_and(|it| it.eq_ignore_ascii_case(name))
}
