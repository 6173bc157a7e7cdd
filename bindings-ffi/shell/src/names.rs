//! What can be completed: verbs, keywords, functions, tables and columns.

use crate::commands;
use crate::connection::Open;
use crate::failure::Result;
use crate::output::literal;
use crate::splitter::Splitter;

/// The names of a database.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Tables and views, each with its columns.
    pub(crate) tables: Vec<(String, Vec<String>)>,
    pub(crate) functions: Vec<String>,
}

const TABLES: &str = "
    SELECT name, schema FROM pragma_table_list WHERE type IN ('table', 'view', 'virtual')
    ORDER BY name";

impl Names {
    /// Reads the names.
    pub(crate) fn read(open: &mut Open) -> Result<Self> {
        let mut tables = Vec::new();
        for (table, schema) in open.query::<(String, String)>(TABLES, ())? {
            let sql = "SELECT name FROM pragma_table_xinfo(?, ?) WHERE hidden <> 1";
            // A view of a table that is gone has no columns.
            let columns = open.query(sql, (table.as_str(), schema)).unwrap_or_default();
            tables.push((table, columns));
        }
        let sql = "SELECT DISTINCT name FROM pragma_function_list
            WHERE name NOT GLOB '[-<>]*' ORDER BY name";
        Ok(Self { tables, functions: open.query(sql, ())? })
    }

    /// Returns where the word before the cursor begins, and what it can become. `before` is the
    /// statement's earlier lines.
    pub(crate) fn complete(&self, before: &str, line: &str) -> (usize, Vec<String>) {
        if before.trim().is_empty() && line.starts_with('.') && !line.contains(char::is_whitespace)
        {
            let fits = |name: &&str| name.starts_with(line);
            return (0, commands::names().filter(fits).map(str::to_owned).collect());
        }
        let is_word = |it: char| it.is_alphanumeric() || it == '_';
        let start = line.trim_end_matches(is_word).len();
        let word = &line[start..];
        // The table before a dot.
        if let Some(head) = line[..start].strip_suffix('.') {
            let table = &head[head.trim_end_matches(is_word).len()..];
            let table = head
                .strip_suffix('"')
                .map_or(table, |head| &head[head.rfind('"').map_or(0, |at| at + 1)..]);
            let found = self.tables.iter().filter(|(name, _)| name.eq_ignore_ascii_case(table));
            let columns = found.flat_map(|(_, columns)| columns);
            return (start, fitting(columns, word));
        }
        let statement = format!("{before}{}", &line[..start]);
        let mut found = Vec::new();
        if wants_table(&statement) {
            found.extend(fitting(self.tables.iter().map(|(name, _)| name), word));
            return (start, found);
        }
        // Nothing would be everything.
        if word.is_empty() {
            return (start, found);
        }
        let columns = self.tables.iter().flat_map(|(_, columns)| columns);
        found.extend(fitting(columns, word));
        found.extend(fitting(self.tables.iter().map(|(name, _)| name), word));
        let lower = word.chars().all(|letter| !letter.is_uppercase());
        for keyword in KEYWORDS.split_ascii_whitespace() {
            if starts_with(keyword, word) {
                found.push(if lower { keyword.to_lowercase() } else { keyword.to_owned() });
            }
        }
        let functions = self.functions.iter().filter(|name| starts_with(name, word));
        found.extend(functions.map(|name| format!("{name}(")));
        let mut seen = std::collections::HashSet::new();
        found.retain(|name| seen.insert(name.to_lowercase()));
        (start, found)
    }
}

/// Returns the names that begin with a word, as they are written in SQL, sorted and each once.
fn fitting<'n>(names: impl Iterator<Item = &'n String>, word: &str) -> Vec<String> {
    let mut found: Vec<_> =
        names.filter(|name| starts_with(name, word)).map(|name| written(name)).collect();
    found.sort();
    found.dedup();
    found
}

fn starts_with(name: &str, word: &str) -> bool {
    name.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
}

/// Returns a name as it stands in SQL: in quotes where it needs them.
fn written(name: &str) -> String {
    let mut letters = name.chars();
    let plain = letters.next().is_some_and(|it| it.is_alphabetic() || it == '_')
        && letters.all(|it| it.is_alphanumeric() || it == '_');
    let keyword = KEYWORDS.split_ascii_whitespace().any(|it| it.eq_ignore_ascii_case(name));
    if plain && !keyword { name.to_owned() } else { literal::name(name) }
}

/// Whether the name of a table follows.
fn wants_table(statement: &str) -> bool {
    // Only of the statement that is being written.
    let mut splitter = Splitter::default();
    splitter.push(statement);
    while splitter.next_statement().is_some() {}
    let (rest, _) = splitter.rest();
    let last = rest.split_ascii_whitespace().next_back().unwrap_or_default();
    ["FROM", "JOIN", "INTO", "UPDATE", "TABLE"].iter().any(|word| last.eq_ignore_ascii_case(word))
}

/// SQLite's keywords, <https://sqlite.org/lang_keywords.html>.
const KEYWORDS: &str = "
    ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT BEFORE BEGIN
    BETWEEN BY CASCADE CASE CAST CHECK COLLATE COLUMN COMMIT CONFLICT CONSTRAINT CREATE CROSS CURRENT
    CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DATABASE DEFAULT DEFERRABLE DEFERRED DELETE DESC
    DETACH DISTINCT DO DROP EACH ELSE END ESCAPE EXCEPT EXCLUDE EXCLUSIVE EXISTS EXPLAIN FAIL FILTER
    FIRST FOLLOWING FOR FOREIGN FROM FULL GENERATED GLOB GROUP GROUPS HAVING IF IGNORE IMMEDIATE IN
    INDEX INDEXED INITIALLY INNER INSERT INSTEAD INTERSECT INTO IS ISNULL JOIN KEY LAST LEFT LIKE
    LIMIT MATCH MATERIALIZED NATURAL NO NOT NOTHING NOTNULL NULL NULLS OF OFFSET ON OR ORDER OTHERS
    OUTER OVER PARTITION PLAN PRAGMA PRECEDING PRIMARY QUERY RAISE RANGE RECURSIVE REFERENCES REGEXP
    REINDEX RELEASE RENAME REPLACE RESTRICT RETURNING RIGHT ROLLBACK ROW ROWS SAVEPOINT SELECT SET
    STRICT TABLE TEMP TEMPORARY THEN TIES TO TRANSACTION TRIGGER UNBOUNDED UNION UNIQUE UPDATE USING
    VACUUM VALUES VIEW VIRTUAL WHEN WHERE WINDOW WITH WITHOUT";

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let table = |name: &str, columns: &[&str]| {
            (name.to_owned(), columns.iter().map(|it| (*it).to_owned()).collect())
        };
        Names {
            tables: vec![
                table("items", &["id", "name", "sélection"]),
                table("it's; -- a \"table\"", &["select"]),
            ],
            functions: vec!["substr".into(), "sum".into()],
        }
    }

    fn completed(before: &str, line: &str) -> Vec<String> {
        names().complete(before, line).1
    }

    #[test]
    fn where_a_table_must_follow_only_tables_are_offered() {
        let hostile = "\"it's; -- a \"\"table\"\"\"";
        assert_eq!(completed("", "SELECT * FROM i"), [hostile, "items"]);
        assert_eq!(completed("SELECT *\nFROM\n", ""), [hostile, "items"]);
        assert_eq!(completed("", "SELECT 1 FROM; na"), ["name", "natural"]);
    }

    #[test]
    fn after_a_dot_come_the_columns_of_that_table() {
        assert_eq!(completed("", "SELECT items.n"), ["name"]);
        assert_eq!(completed("", "SELECT ITEMS."), ["id", "name", "sélection"]);
        assert_eq!(completed("", "SELECT \"items\".i"), ["id"]);
        assert!(completed("", "SELECT nothing.").is_empty());
    }

    #[test]
    fn keywords_keep_the_case_of_what_was_typed_and_a_column_that_is_one_gets_quotes() {
        assert_eq!(completed("", "SEL"), ["\"select\"", "SELECT"]);
        assert_eq!(completed("", "whe"), ["when", "where"]);
        assert_eq!(completed("", "SELECT su"), ["substr(", "sum("]);
        assert_eq!(completed("", "SELECT s\u{e9}"), ["sélection"]);
        assert!(completed("", "SELECT ").is_empty());
    }

    #[test]
    fn verbs_are_completed_only_where_one_may_stand() {
        assert!(completed("", ".ta").contains(&".tables".to_owned()));
        assert!(completed("SELECT 1\n", ".ta").is_empty());
    }
}
