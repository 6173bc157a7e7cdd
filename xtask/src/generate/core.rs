//! Reads the shared definitions from the core's sources.

use std::fs;

use anyhow::{Context, bail, ensure};

use crate::workspace::Workspace;

const NUMBERS: &str = "core/src/wire/numbers.rs";
const CELLS: &str = "core/src/row/page.rs";
const KINDS: &str = "core/src/error/kind.rs";

/// The definitions that the languages share.
pub(super) struct Core {
    /// Operations of requests.
    pub(super) ops: Vec<WireNumber>,
    /// The names of those that are not traced.
    pub(super) untraced: Vec<String>,
    /// Limits.
    pub(super) limits: Vec<WireNumber>,
    /// Flags of requests.
    pub(super) request: Vec<WireNumber>,
    /// Kinds of replies.
    pub(super) kinds: Vec<WireNumber>,
    /// Flags of replies.
    pub(super) reply: Vec<WireNumber>,
    /// The tags of cells.
    pub(super) cells: Vec<WireNumber>,
    /// The kinds of errors.
    pub(super) errors: Vec<DeclaredKind>,
}

/// A named number.
pub(super) struct WireNumber {
    /// In capitals, with underscores.
    pub(super) name: String,
    pub(super) value: u32,
}

/// A kind of error.
pub(super) struct DeclaredKind {
    pub(super) name: String,
    /// Its first sentences, in one line.
    pub(super) doc: String,
    /// Whether it reports a violated constraint of the schema.
    pub(super) is_constraint: bool,
}

impl Core {
    pub(super) fn read(workspace: &Workspace) -> anyhow::Result<Self> {
        let read = |name: &str| {
            fs::read_to_string(workspace.root().join(name))
                .with_context(|| format!("cannot read {name}"))
        };
        let numbers = read(NUMBERS)?;
        let mut cells = of_module(&read(CELLS)?, "tag")?;
        cells.extend(of_module(&numbers, "cell")?);
        Ok(Self {
            ops: of_module(&numbers, "op")?,
            untraced: names(&numbers, "UNTRACED")?,
            limits: of_module(&numbers, "limit")?,
            request: of_module(&numbers, "request")?,
            kinds: of_module(&numbers, "kind")?,
            reply: of_module(&numbers, "reply")?,
            cells,
            errors: errors(&read(KINDS)?)?,
        })
    }
}

/// Returns the operations in a list.
fn names(source: &str, list: &str) -> anyhow::Result<Vec<String>> {
    let body = source
        .split_once(&format!("const {list}: &[u8] = &["))
        .and_then(|(_, rest)| rest.split_once("];"))
        .with_context(|| format!("there is no list `{list}`"))?
        .0;
    let names: Vec<_> = body
        .split("op::")
        .skip(1)
        .map(|it| it.trim_end().trim_end_matches(',').to_owned())
        .collect();
    ensure!(!names.is_empty(), "the list `{list}` is empty");
    Ok(names)
}

/// Returns the constants of a module that are numbers.
fn of_module(source: &str, name: &str) -> anyhow::Result<Vec<WireNumber>> {
    let (_, rest) = source
        .split_once(&format!("mod {name} {{\n"))
        .with_context(|| format!("there is no module `{name}`"))?;
    let (body, _) = rest.split_once("\n}\n").context("the module does not end")?;
    let mut numbers = Vec::new();
    for line in body.lines() {
        let Some(line) = line.trim().strip_prefix("pub const ") else { continue };
        let parts = line.trim_end_matches(';').split_once(": u");
        let (name, value) = parts
            .and_then(|(name, rest)| Some((name, rest.split_once(" = ")?.1)))
            // Not a number of the format, such as the size of a cell.
            .unwrap_or((line, ""));
        if let Ok(value) = value.replace('_', "").parse() {
            numbers.push(WireNumber { name: name.to_owned(), value });
        }
    }
    ensure!(!numbers.is_empty(), "the module `{name}` has no numbers");
    Ok(numbers)
}

/// Returns the names in the macro `kinds!`, with their comments.
fn errors(source: &str) -> anyhow::Result<Vec<DeclaredKind>> {
    let (_, rest) = source.split_once("\nkinds! {\n").context("there is no `kinds!`")?;
    let (body, _) = rest.split_once("\n}\n").context("`kinds!` does not end")?;
    let (mut found, mut doc) = (Vec::new(), Vec::new());
    for line in body.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            doc.push(text.trim());
        } else if let Some(name) = line.strip_suffix(',') {
            found.push(DeclaredKind {
                name: name.to_owned(),
                doc: std::mem::take(&mut doc).join(" "),
                is_constraint: name.ends_with("Violation"),
            });
        } else {
            bail!("not a kind of error: {line}");
        }
    }
    Ok(found)
}

impl WireNumber {
    /// Returns its [`camel`] name.
    pub(super) fn camel(&self) -> String {
        camel(&self.name)
    }
}

/// Returns a name with a capital for each word but the first: `queryOne`.
pub(super) fn camel(capitals: &str) -> String {
    let mut name = String::new();
    for (index, word) in capitals.split('_').enumerate() {
        let word = word.to_lowercase();
        match word.chars().next() {
            Some(first) if index > 0 => {
                name.push(first.to_ascii_uppercase());
                name.push_str(&word[1..]);
            }
            _ => name.push_str(&word),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_with_their_names_and_what_is_none_is_passed_over() {
        let source = "pub mod op {\n    /// One.\n    pub const QUERY_ONE: u8 = 3;\n    pub use a::B;\n    pub const SIZE: usize = b();\n}\npub mod kind {\n    pub const A: u8 = 9;\n}\n";
        let numbers = of_module(source, "op").unwrap();
        assert_eq!(
            (numbers.len(), numbers[0].value, numbers[0].camel().as_str()),
            (1, 3, "queryOne")
        );
        assert!(of_module(source, "reply").is_err());
        let limit =
            of_module("pub mod limit {\n    pub const A: u32 = 1_000;\n}\n", "limit").unwrap();
        assert_eq!(limit[0].value, 1000);
    }

    #[test]
    fn the_names_in_a_list_are_found() {
        let source =
            "pub const SOME: &[u8] = &[\n    op::A,\n    op::B_C,\n];\npub const C: u8 = op::D;\n";
        assert_eq!(names(source, "SOME").unwrap(), ["A", "B_C"]);
        assert!(names(source, "OTHER").is_err());
    }

    #[test]
    fn a_kind_has_its_whole_comment() {
        let kinds = errors("x\nkinds! {\n    /// One\n    /// line.\n    Busy,\n    /// No.\n    CheckViolation,\n}\n").unwrap();
        assert_eq!((kinds[0].name.as_str(), kinds[0].doc.as_str()), ("Busy", "One line."));
        assert_eq!((kinds[0].is_constraint, kinds[1].is_constraint), (false, true));
    }
}
