//! The types of a query's columns.
//!
//! SQLite tells of each column which column of a table it is. Whether that is never NULL depends on
//! the rest of the query, which is looked at as tokens: where anything in it may bring a NULL, or a
//! value of another type, all of its columns may have one. So a type may allow more than there is,
//! and never less.

use ubiqlite::Described;

use super::model::{Field, Kind, Table, Type};
use super::sources::Sources;
use super::tokens::{Token, TokenKind, tokens};

/// The views that a text mentions, each with those that it mentions itself.
pub(crate) fn views<'a>(all: &[Token<'_>], tables: &'a [Table]) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    let mut unread = mentioned(all, tables);
    while let Some(sql) = unread.pop() {
        if !found.contains(&sql) {
            found.push(sql);
            unread.extend(mentioned(&tokens(sql), tables));
        }
    }
    found
}

fn mentioned<'a>(all: &[Token<'_>], tables: &'a [Table]) -> Vec<&'a str> {
    let named = |table: &Table| {
        let is =
            |it: &Token<'_>| it.any_name().is_some_and(|it| it.eq_ignore_ascii_case(&table.name));
        all.iter().any(is)
    };
    tables
        .iter()
        .filter(|it| it.view.is_some() && named(it))
        .filter_map(|it| it.view.as_deref())
        .collect()
}

/// Returns the columns of a query with their types.
pub(crate) fn fields(sql: &str, described: &Described, tables: &[Table]) -> Vec<Field> {
    let all = tokens(sql);
    let views = views(&all, tables);
    let mut texts: Vec<_> = views.iter().map(|sql| tokens(sql)).collect();
    let unlike = returns_unlike(&all, tables);
    let writes = !views.is_empty() && !described.reads_only;
    texts.push(all);
    let compound = texts.iter().any(|it| is_compound(it));
    let certain = !compound && !writes && !may_bring_null(&texts);
    let all = texts.pop().unwrap_or_default();
    let count = described.columns.len();
    let mut expressions = vec![None; count];
    for (index, of) in expression_types(&all, count) {
        expressions[index] = of;
    }
    let field = |(index, column): (usize, &ubiqlite::DescribedColumn)| {
        let declared = column.column.declared_type.as_deref();
        let of = match &column.origin {
            _ if compound || unlike => None,
            Some((table, origin)) => {
                let table = tables.iter().find(|it| it.name.eq_ignore_ascii_case(table));
                let is_origin = |it: &&Field| it.name.eq_ignore_ascii_case(origin);
                let known = table.and_then(|it| it.fields.iter().find(is_origin));
                let enforced = table.is_some_and(|it| it.enforced);
                // What is no column is the rowid.
                let not_null = enforced && known.is_none_or(|it| !it.of.nullable);
                Some(Type::new(Kind::declared(declared), !(certain && not_null)))
            }
            None => expressions[index],
        };
        Field { name: column.column.name.clone(), of: of.unwrap_or(Type::ANY) }
    };
    described.columns.iter().enumerate().map(field).collect()
}

/// Whether the columns are not those that SQLite tells of: of a plan, or of what is written through
/// a view, whose `INSTEAD OF` triggers take any values and return them.
fn returns_unlike(all: &[Token<'_>], tables: &[Table]) -> bool {
    all.first().is_some_and(|it| it.is("EXPLAIN"))
        || Sources::new(all, tables).target().is_some_and(|it| it.view.is_some())
}

/// Whether rows may come from several queries, of which SQLite describes only the first.
fn is_compound(all: &[Token<'_>]) -> bool {
    let inserts = all.first().is_some_and(|it| it.is_any(&["INSERT", "REPLACE"]));
    all.iter()
        .any(|it| it.is_any(&["UNION", "INTERSECT", "EXCEPT"]) || (it.is("VALUES") && !inserts))
}

/// The functions that make one row of all, even of none: what stands beside them is then NULL.
const AGGREGATES: &[&str] = &[
    "avg",
    "count",
    "group_concat",
    "json_group_array",
    "json_group_object",
    "jsonb_group_array",
    "jsonb_group_object",
    "max",
    "median",
    "min",
    "percentile",
    "percentile_cont",
    "percentile_disc",
    "string_agg",
    "sum",
    "total",
];

/// Whether a column may be NULL though its table does not allow it.
fn may_bring_null(texts: &[Vec<Token<'_>>]) -> bool {
    let outer = ["LEFT", "RIGHT", "FULL", "OUTER"];
    let mut selects = 0;
    let (mut aggregates, mut groups) = (false, false);
    for all in texts {
        for (index, token) in all.iter().enumerate() {
            if token.is_any(&outer) {
                return true;
            }
            let opens = all.get(index + 1).is_some_and(|it| it.is_sign("("));
            aggregates |= opens && token.name().is_some_and(|it| is_aggregate(&it));
            // Not the group that a window's frame leaves out.
            groups |= token.is("GROUP") && all.get(index + 1).is_some_and(|it| it.is("BY"));
            selects += usize::from(token.is("SELECT"));
            if token.is_any(&["SELECT", "WITH"])
                && index > 0
                && all[index - 1].is_sign("(")
                && !(index > 1 && is_known_place(&all[index - 2]))
            {
                // The value of a query that may have no row.
                return true;
            }
        }
    }
    aggregates && (!groups || selects > 1)
}

fn is_aggregate(name: &str) -> bool {
    AGGREGATES.iter().any(|it| it.eq_ignore_ascii_case(name))
}

/// Whether a query in parentheses after this token is no value.
fn is_known_place(before: &Token<'_>) -> bool {
    before.is_any(&["FROM", "JOIN", "IN", "EXISTS", "AS", "MATERIALIZED"])
}

/// Returns the types of those of `count` columns that are expressions of a known type.
fn expression_types(all: &[Token<'_>], count: usize) -> Vec<(usize, Option<Type>)> {
    // The columns of a plan are no results.
    if all.first().is_some_and(|it| it.is("EXPLAIN")) {
        return Vec::new();
    }
    let items = items(all);
    let is_star = |item: &[Token<'_>]| item.last().is_some_and(|it| it.is_sign("*"));
    let stars = items.iter().filter(|it| is_star(it)).count();
    let before = items.iter().position(|it| is_star(it)).unwrap_or(items.len());
    let after = items.iter().rposition(|it| is_star(it)).map_or(items.len(), |it| it + 1);
    if (stars == 0 && items.len() != count) || items.len() - stars > count {
        return Vec::new();
    }
    let first = items[..before].iter().enumerate().map(|(index, item)| (index, expression(item)));
    let from = count - (items.len() - after);
    let last =
        items[after..].iter().enumerate().map(|(index, item)| (from + index, expression(item)));
    first.chain(last).collect()
}

/// Returns the items of the list of results; none of a compound query.
fn items<'t, 'a>(all: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let depths = depths(all);
    let top = |word: &str| (0..all.len()).find(|index| depths[*index] == 0 && all[*index].is(word));
    let Some(begin) = top("RETURNING").or_else(|| top("SELECT")) else { return Vec::new() };
    let ends = |index: &usize| {
        depths[*index] == 0
            && (all[*index].is_sign(";")
                || all[*index].is_any(&[
                    "WHERE",
                    "GROUP",
                    "HAVING",
                    "WINDOW",
                    "ORDER",
                    "LIMIT",
                    "UNION",
                    "INTERSECT",
                    "EXCEPT",
                ])
                || (all[*index].is("FROM") && !all[*index - 1].is("DISTINCT")))
    };
    let end = (begin + 1..all.len()).find(ends).unwrap_or(all.len());
    if all[end..]
        .iter()
        .zip(&depths[end..])
        .any(|(it, depth)| *depth == 0 && it.is_any(&["UNION", "INTERSECT", "EXCEPT"]))
    {
        return Vec::new();
    }
    let first = begin + 1;
    let quantified = all.get(first).is_some_and(|it| it.is_any(&["DISTINCT", "ALL"]));
    let first = (first + usize::from(quantified)).min(end);
    let commas = (first..end).filter(|index| depths[*index] == 0 && all[*index].is_sign(","));
    let mut found = Vec::new();
    let mut start = first;
    for comma in commas {
        found.push(&all[start..comma]);
        start = comma + 1;
    }
    found.push(&all[start..end]);
    found
}

/// Returns how many parentheses are open before each token; an opening one counts for what follows.
pub(crate) fn depths(all: &[Token<'_>]) -> Vec<usize> {
    let mut depth = 0_usize;
    let depth_of = |it: &Token<'_>| {
        let before = depth;
        if it.is_sign("(") {
            depth += 1;
        } else if it.is_sign(")") {
            depth = depth.saturating_sub(1);
            return depth;
        }
        before
    };
    all.iter().map(depth_of).collect()
}

/// Returns the type of an expression with a name, if it is one of those that are known.
fn expression(item: &[Token<'_>]) -> Option<Type> {
    let (first, rest) = item.split_first()?;
    if first.is("NOT") {
        return rest.first().filter(|it| it.is("EXISTS")).and_then(|_| expression(rest));
    }
    let literal = |kind| is_alias(rest).then_some(Type::new(kind, false));
    match first.kind {
        TokenKind::Number if first.text.parse::<i64>().is_ok() => return literal(Kind::Integer),
        TokenKind::Text if first.text.starts_with('\'') => return literal(Kind::Text),
        TokenKind::Text => return literal(Kind::Blob),
        TokenKind::Word => {}
        _ => return None,
    }
    if !rest.first()?.is_sign("(") {
        return None;
    }
    let depths = depths(rest);
    let close = (1..rest.len()).find(|index| depths[*index] == 0)?;
    let (inner, mut after) = (&rest[1..close], &rest[close + 1..]);
    // Of a window or a filter.
    for word in ["FILTER", "OVER"] {
        if after.first().is_some_and(|it| it.is(word)) {
            let opens = after.get(1).is_some_and(|it| it.is_sign("("));
            let depths = super::rows::depths(after);
            let end = if opens { (2..after.len()).find(|it| depths[*it] == 0)? } else { 1 };
            after = after.get(end + 1..)?;
        }
    }
    if !is_alias(after) {
        return None;
    }
    let (kind, nullable) = match first.text.to_ascii_lowercase().as_str() {
        "count" => (Kind::Integer, false),
        "exists" => (Kind::Integer, false),
        "total" => (Kind::Real, false),
        "avg" => (Kind::Real, true),
        "group_concat" | "string_agg" | "lower" | "upper" => (Kind::Text, true),
        "typeof" => (Kind::Text, false),
        "length" => (Kind::Integer, true),
        "cast" => (cast(inner)?, true),
        _ => return None,
    };
    Some(Type::new(kind, nullable))
}

/// Returns what `CAST` makes of any value.
fn cast(inner: &[Token<'_>]) -> Option<Kind> {
    let depths = depths(inner);
    let at = (0..inner.len()).rfind(|index| depths[*index] == 0 && inner[*index].is("AS"))?;
    let words: Vec<_> = inner[at + 1..].iter().map(|it| it.text).collect();
    match Kind::declared(Some(&words.join(" "))) {
        // A number, whichever it is.
        Kind::Boolean | Kind::Any => None,
        kind => Some(kind),
    }
}

fn is_alias(rest: &[Token<'_>]) -> bool {
    match rest {
        // A condition, without `AS`.
        [word] if word.is_any(&["ISNULL", "NOTNULL"]) => false,
        [] | [_] => rest.iter().all(|it| it.name().is_some()),
        [word, _] => word.is("AS"),
        _ => false,
    }
}
