//! What each `PRAGMA` does, where SQLite does not report it itself.
//! <https://sqlite.org/pragma.html>

use super::authorizer::Class;

/// What a `PRAGMA` does.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pragma {
    pub(super) class: Class,
    /// It only asks, and changes nothing.
    pub(super) asks: bool,
    /// It takes effect while it is compiled.
    pub(super) transient: bool,
    /// It may take arbitrarily long.
    pub(super) long: bool,
    /// It sets the journal mode.
    pub(super) journal_mode: bool,
    /// Its name, if SQLite ignores it inside a transaction.
    pub(super) ignored_in_transaction: Option<&'static str>,
    /// It lasts until the end of the transaction.
    pub(super) of_transaction: bool,
    /// It is `busy_timeout`, with the milliseconds to set.
    pub(super) busy_timeout: Option<Option<i64>>,
}

/// `PRAGMA`s whose argument is a question, not a setting.
const QUESTIONS: &[&[u8]] = &[
    b"foreign_key_check",
    b"foreign_key_list",
    b"index_info",
    b"index_list",
    b"index_xinfo",
    b"integrity_check",
    b"quick_check",
    b"table_info",
    b"table_list",
    b"table_xinfo",
];

/// Those that visit the whole database.
const CHECKS: &[&[u8]] = &[b"foreign_key_check", b"integrity_check", b"quick_check"];

/// Settings that are fields of the file's header: changed like any row.
const OF_THE_HEADER: &[&[u8]] = &[b"application_id", b"schema_version", b"user_version"];

/// Settings of the file that are made outside transactions, on the writing connection.
const OF_THE_FILE: &[&[u8]] = &[b"auto_vacuum", b"encoding", b"journal_mode", b"page_size"];

/// Those that do something without an argument.
const ACTIONS: &[&[u8]] = &[b"incremental_vacuum", b"optimize", b"wal_checkpoint"];

/// Whether it visits the whole database.
pub(super) fn checks(name: Option<&[u8]>) -> bool {
    name.is_some_and(|name| is_one_of(name, CHECKS))
}

fn is_one_of(name: &[u8], list: &[&[u8]]) -> bool {
    list.iter().any(|item| item.eq_ignore_ascii_case(name))
}

/// What `PRAGMA name` or `PRAGMA name = argument` does.
pub(super) fn look_up(name: &[u8], argument: Option<&[u8]>) -> Pragma {
    let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
    let asks = Pragma { asks: true, ..Pragma::default() };
    if is_one_of(name, ACTIONS) {
        return Pragma { class: Class::Alone, long: true, ..Pragma::default() };
    }
    if is(b"busy_timeout") {
        let set = argument.map(milliseconds);
        // Whether read or set, its result is produced afresh each time.
        let class = if set.is_some() { Class::Connection } else { Class::Plain };
        return Pragma { class, transient: true, busy_timeout: Some(set), asks: true, ..asks };
    }
    if is_one_of(name, QUESTIONS) {
        return Pragma { long: checks(Some(name)), ..asks };
    }
    if argument.is_none() {
        return asks;
    }
    if is_one_of(name, OF_THE_HEADER) {
        return Pragma::default();
    }
    if is_one_of(name, OF_THE_FILE) {
        let journal_mode = is(b"journal_mode");
        return Pragma {
            class: Class::Alone,
            transient: true,
            long: true,
            journal_mode,
            ignored_in_transaction: journal_mode.then_some("journal_mode"),
            ..Pragma::default()
        };
    }
    let set = Pragma { class: Class::Connection, transient: true, ..Pragma::default() };
    if is(b"foreign_keys") {
        return Pragma { ignored_in_transaction: Some("foreign_keys"), ..set };
    }
    Pragma { of_transaction: is(b"defer_foreign_keys"), ..set }
}

/// Returns the number that a text begins with, as SQLite reads one here, or 0 without one.
fn milliseconds(argument: &[u8]) -> i64 {
    let text = std::str::from_utf8(argument).unwrap_or_default().trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_told_from_a_setting() {
        assert_eq!(look_up(b"foreign_keys", None).class, Class::Plain);
        assert_eq!(look_up(b"Foreign_Keys", Some(b"0")).class, Class::Connection);
        assert_eq!(look_up(b"table_info", Some(b"t")).class, Class::Plain);
        assert_eq!(look_up(b"journal_mode", None).class, Class::Plain);
        assert_eq!(look_up(b"journal_mode", Some(b"wal")).class, Class::Alone);
        assert_eq!(look_up(b"wal_checkpoint", None).class, Class::Alone);
        assert_eq!(look_up(b"user_version", Some(b"3")).class, Class::Plain);
        assert_eq!(look_up(b"no_such_pragma", Some(b"3")).class, Class::Connection);
    }
}
