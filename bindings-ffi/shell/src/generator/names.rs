//! Names in the generated code.

use super::model::{Model, RowClass};

/// How a language writes names.
pub(crate) struct Rules {
    /// `getItem`, and not `get_item`.
    pub(crate) camel: bool,
    /// Words that are no names, or that the generated code uses itself.
    pub(crate) reserved: &'static [&'static str],
    /// The types that the generated code uses.
    pub(crate) types: &'static [&'static str],
    /// What is in scope in a function.
    pub(crate) locals: &'static [&'static str],
}

/// The names of everything in one language.
pub(crate) struct Names {
    /// The classes of the tables.
    pub(crate) tables: Vec<String>,
    /// Of each query.
    pub(crate) queries: Vec<QueryNames>,
}

pub(crate) struct QueryNames {
    pub(crate) function: String,
    /// The class of its rows, its own or a table's.
    pub(crate) row: String,
    pub(crate) params: Vec<String>,
}

impl Names {
    /// Finds names for everything.
    pub(crate) fn new(model: &Model, rules: &Rules) -> Self {
        let mut types = Taken::new(rules.types);
        let tables = model.tables.iter().enumerate();
        let tables: Vec<_> = tables
            .map(|(index, table)| {
                let name = pascal(&table.name);
                let name = match name.chars().next() {
                    None => format!("Table{}", index + 1),
                    Some(first) if first.is_ascii_digit() => format!("T{name}"),
                    Some(_) => name,
                };
                types.take(&name, "")
            })
            .collect();
        let mut functions = Taken::new(rules.reserved);
        let queries = model.queries.iter().map(|query| {
            let function = match rules.camel {
                true => camel(&query.name),
                false => snake(&query.name),
            };
            let row = match query.row {
                RowClass::Table(table) => tables[table].clone(),
                RowClass::Own if query.command.has_rows() => {
                    types.take(&format!("{}Row", pascal(&query.name)), "")
                }
                RowClass::Own => String::new(),
            };
            let mut locals = Taken::new(rules.reserved);
            rules.locals.iter().for_each(|it| drop(locals.take(it, "")));
            let params = query.params.iter().enumerate();
            let params = params.map(|(index, it)| {
                locals.take(&identifier(&it.name, &format!("p{}", index + 1)), "_")
            });
            QueryNames { row, params: params.collect(), function: functions.take(&function, "_") }
        });
        let queries = queries.collect();
        Self { tables, queries }
    }
}

/// Names that are taken.
pub(crate) struct Taken {
    reserved: &'static [&'static str],
    names: Vec<String>,
}

impl Taken {
    pub(crate) fn new(reserved: &'static [&'static str]) -> Self {
        Self { reserved, names: Vec::new() }
    }

    /// Takes this name, or one like it. Upper and lower case count as the same: a compiler may make
    /// files of classes. `after`: what follows a reserved name.
    pub(crate) fn take(&mut self, name: &str, after: &str) -> String {
        let after = if after.is_empty() { "_" } else { after };
        let first = match self.reserved.contains(&name) {
            true => format!("{name}{after}"),
            false => name.to_owned(),
        };
        let others = (2..).map(|number| format!("{first}_{number}"));
        let is_free = |it: &String| !self.names.iter().any(|name| name.eq_ignore_ascii_case(it));
        let mut all = std::iter::once(first.clone()).chain(others);
        let free = all.find(is_free).unwrap_or(first);
        self.names.push(free.clone());
        free
    }
}

/// Returns a name with only letters of ASCII, digits and `_`; `otherwise` if none of it is left.
pub(crate) fn identifier(name: &str, otherwise: &str) -> String {
    let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let plain: String = name.chars().map(|it| if is_part(it) { it } else { '_' }).collect();
    // What begins with two is private to its class in Python.
    let plain = match plain.strip_prefix("__") {
        Some(_) => plain.trim_start_matches('_'),
        None => plain.as_str(),
    };
    match plain.chars().next() {
        _ if plain.chars().all(|it| it == '_') => otherwise.to_owned(),
        Some(first) if first.is_ascii_digit() => format!("_{plain}"),
        _ => plain.to_owned(),
    }
}

/// Returns the words of a name: `GetHTTPItem2`, `get_http_item2`.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (index, letter) in letters.iter().enumerate() {
        if !letter.is_ascii_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let before = index.checked_sub(1).map(|it| letters[it]);
        let after = letters.get(index + 1);
        let begins = letter.is_ascii_uppercase()
            && before.is_some_and(|it| {
                it.is_ascii_lowercase()
                    || it.is_ascii_digit()
                    || (it.is_ascii_uppercase() && after.is_some_and(char::is_ascii_lowercase))
            });
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(letter.to_ascii_lowercase());
        }
    }
    words.retain(|it| !it.is_empty());
    words
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|it| it.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn pascal(name: &str) -> String {
    words(name).iter().map(|it| capital(it)).collect()
}

pub(crate) fn camel(name: &str) -> String {
    let all = pascal(name);
    let mut letters = all.chars();
    let first = letters.next().map(|it| it.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

pub(crate) fn snake(name: &str) -> String {
    words(name).join("_")
}

/// Writes a text in double quotes. `unicode`: how a control character is written, and what has to be
/// escaped beside the usual.
pub(crate) fn quoted(text: &str, dollar: bool) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' if dollar => out.push_str("\\$"),
            // Also what an editor would show in another order, or as the end of a line.
            it if it.is_control()
                || matches!(it, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}') =>
            {
                out.push_str(&format!("\\u{:04x}", it as u32));
            }
            it => out.push(it),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_the_words_of_others() {
        for (name, snaked, cameled) in [
            ("GetItem", "get_item", "getItem"),
            ("list_all_items", "list_all_items", "listAllItems"),
            ("getHTTPItem2", "get_http_item2", "getHttpItem2"),
        ] {
            assert_eq!((snake(name).as_str(), camel(name).as_str()), (snaked, cameled));
        }
        assert_eq!(pascal("größe x"), "GrEX");
        assert_eq!(pascal("名前"), "");
    }

    #[test]
    fn what_is_no_identifier_becomes_one() {
        for (name, wanted) in [
            ("a b", "a_b"),
            ("1st", "_1st"),
            ("名前", "c3"),
            ("__init__", "init__"),
            ("_id", "_id"),
            ("", "c3"),
        ] {
            assert_eq!(identifier(name, "c3"), wanted);
        }
        let mut taken = Taken::new(&["class"]);
        let names = ["class", "a", "A", "a"].map(|it| taken.take(it, "_"));
        assert_eq!(names, ["class_", "a", "A_2", "a_3"]);
    }
}
