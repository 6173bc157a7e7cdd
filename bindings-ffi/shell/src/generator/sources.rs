//! What the names in a query's expressions may be: its tables, and the names that it gives results.

use super::model::{Field, Table};
use super::rows::depths;
use super::tokens::{Token, TokenKind};

/// A table, view, function or query that a statement reads or writes.
#[derive(Debug)]
struct Source<'q> {
    /// None: what it has is not known, as of a function or a table of SQLite's.
    table: Option<&'q Table>,
    /// What its columns may be qualified with.
    name: String,
}

/// All that a statement reads or writes, at any depth.
#[derive(Debug)]
pub(crate) struct Sources<'q> {
    all: Vec<Source<'q>>,
    /// The index of the one that the statement writes.
    target: Option<usize>,
    /// The names that results are given.
    aliases: Vec<String>,
}

/// The words after which a list of tables or results has ended; none can be a name.
const ENDS: &[&str] = &[
    "SELECT",
    "VALUES",
    "WHERE",
    "GROUP",
    "HAVING",
    "ORDER",
    "LIMIT",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    "RETURNING",
    "SET",
];

/// The words that may follow a table, and are no name for it.
const FOLLOWS: &[&str] = &[
    "ON", "USING", "JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "NATURAL", "OUTER",
    "INDEXED", "NOT", "DEFAULT", "WINDOW",
];

impl<'q> Sources<'q> {
    pub(crate) fn new(all: &[Token<'_>], tables: &'q [Table]) -> Self {
        let mut found = Self { all: Vec::new(), target: None, aliases: aliases(all) };
        // Whether commas separate tables, for each open parenthesis and outside of all.
        let mut lists = vec![false];
        let mut expected = false;
        for (index, token) in all.iter().enumerate() {
            let before = |word: &str| index > 0 && all[index - 1].is(word);
            let next = all.get(index + 1);
            let list = lists.last().copied().unwrap_or_default();
            if (token.is("FROM") && !before("DISTINCT")) || token.is("JOIN") {
                if before("DELETE") && found.target.is_none() {
                    found.target = Some(found.all.len());
                }
                expected = true;
                lists.pop();
                lists.push(true);
            } else if token.is_sign("(") {
                lists.push(expected);
            } else if token.is_sign(")") {
                lists.pop();
            } else if token.is_sign(",") {
                expected = list;
            } else if token.is_any(ENDS) {
                if expected {
                    found.all.push(Source { table: None, name: String::new() });
                }
                expected = false;
                lists.pop();
                lists.push(false);
            } else if expected {
                expected = false;
                found.add(&all[index..], false, tables);
            } else if (token.is("INTO") || token.is("UPDATE")) && found.target.is_none() {
                let skipped = if next.is_some_and(|it| it.is("OR")) { 3 } else { 1 };
                found.target = Some(found.all.len());
                found.add(all.get(index + skipped..).unwrap_or_default(), true, tables);
            }
        }
        found
    }

    /// Adds the one whose name begins here.
    fn add(&mut self, rest: &[Token<'_>], written: bool, tables: &'q [Table]) {
        let qualified = rest.get(1).is_some_and(|it| it.is_sign("."));
        let (name, rest) = rest.split_at_checked(if qualified { 3 } else { 1 }).unwrap_or_default();
        let name = name.last().and_then(Token::any_name).unwrap_or_default();
        // After what is written is the list of its columns.
        let called = !written && rest.first().is_some_and(|it| it.is_sign("("));
        let table = tables.iter().find(|it| it.name.eq_ignore_ascii_case(&name));
        let mut rest = rest;
        if rest.first().is_some_and(|it| it.is_sign("(")) {
            let depths = depths(rest);
            let end = (1..rest.len()).find(|it| depths[*it] == 0).unwrap_or(rest.len() - 1);
            rest = &rest[end + 1..];
        }
        let alias = match rest {
            [word, alias, ..] if word.is("AS") => alias.any_name(),
            [alias, ..] if !alias.is_any(ENDS) && !alias.is_any(FOLLOWS) => alias.any_name(),
            _ => None,
        };
        // A function has columns that are not listed.
        let table = table.filter(|_| !called);
        self.all.push(Source { table, name: alias.unwrap_or(name) });
    }

    /// Returns the table or view that is written.
    pub(crate) fn target(&self) -> Option<&'q Table> {
        self.all.get(self.target?)?.table
    }

    /// Returns the column of the table that is written.
    pub(crate) fn written(&self, name: &str) -> Option<(&'q Table, &'q Field)> {
        let table = self.target()?;
        Some((table, field(table, name)?))
    }

    /// Returns the columns that a name may stand for; none if it may be something else.
    pub(crate) fn columns(&self, qualifier: Option<&str>, name: &str) -> Vec<&'q Field> {
        if qualifier.is_some_and(|it| it.eq_ignore_ascii_case("excluded")) {
            return self.written(name).map(|it| it.1).into_iter().collect();
        }
        let is_qualified =
            |it: &&Source<'q>| qualifier.is_none_or(|name| it.name.eq_ignore_ascii_case(name));
        let mut found = Vec::new();
        // What some of the tables do not have may be none of a table in that place.
        let mut is_lacking = false;
        for source in self.all.iter().filter(is_qualified) {
            let Some(table) = source.table else { return Vec::new() };
            let column = field(table, name);
            let hides = !table.enforced && table.view.is_none();
            if column.is_none() && (hides || is_rowid(name)) {
                return Vec::new();
            }
            is_lacking |= column.is_none();
            found.extend(column);
        }
        let is_alias = || self.aliases.iter().any(|it| it.eq_ignore_ascii_case(name));
        if qualifier.is_none() && is_lacking && is_alias() {
            return Vec::new();
        }
        found
    }
}

fn is_rowid(name: &str) -> bool {
    ["rowid", "oid", "_rowid_"].iter().any(|it| it.eq_ignore_ascii_case(name))
}

/// Returns the names that results may have been given.
fn aliases(all: &[Token<'_>]) -> Vec<String> {
    let depths = depths(all);
    let mut found = Vec::new();
    for begin in (0..all.len()).filter(|it| all[*it].is_any(&["SELECT", "RETURNING"])) {
        for index in begin + 1..=all.len() {
            let token = all.get(index).filter(|_| depths[index] >= depths[begin]);
            let deeper = token.is_some() && depths[index] > depths[begin];
            let closes = token.is_none_or(|it| {
                let is_end = it.is_any(ENDS) || it.is_sign(";") || it.is("FROM");
                !deeper && (is_end && !(it.is("FROM") && all[index - 1].is("DISTINCT")))
            });
            let separates = token.is_some_and(|it| !deeper && it.is_sign(","));
            if closes || separates {
                let last = index.checked_sub(1).filter(|it| *it > begin + 1);
                let follows = |last: &usize| {
                    let before = &all[*last - 1];
                    before.kind != TokenKind::Sign || before.is_sign(")")
                };
                found.extend(last.filter(follows).and_then(|it| all[it].any_name()));
            }
            if closes {
                break;
            }
        }
    }
    found
}

pub(crate) fn field<'t>(table: &'t Table, name: &str) -> Option<&'t Field> {
    table.fields.iter().find(|it| it.name.eq_ignore_ascii_case(name))
}
