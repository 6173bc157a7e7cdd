//! The files of a folder: which of them are migrations, and with which numbers.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::header::Headers;
use super::{Migration, checksum};
use crate::error::{Error, Result};

/// The largest number, which is the largest key of a table.
const LARGEST: u64 = i64::MAX as u64;

/// What a file is, by its name.
#[derive(Debug, PartialEq, Eq)]
enum File<'a> {
    /// A migration, or the way back from one: the name that both have.
    Sql { stem: &'a str, down: bool },
    /// `migration.sql` in a folder of this name.
    Nested { stem: &'a str },
    /// drizzle-kit's list of its files.
    Journal,
    /// None of ours.
    Other,
}

fn file(path: &str) -> File<'_> {
    let mut parts = path.rsplit(['/', '\\']);
    let (name, folder) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if name == "_journal.json" && folder == "meta" {
        return File::Journal;
    }
    let Some(stem) = name.strip_suffix(".sql") else { return File::Other };
    if stem == "migration" && !folder.is_empty() {
        return File::Nested { stem: folder };
    }
    if stem == "schema" {
        return File::Other;
    }
    match stem.strip_suffix(".down") {
        Some(stem) => File::Sql { stem, down: true },
        None => File::Sql { stem: stem.strip_suffix(".up").unwrap_or(stem), down: false },
    }
}

/// Returns the number that a name begins with.
fn number(stem: &str) -> Option<Result<u64>> {
    // As refinery and Flyway have it: V1__items.
    let digits = stem.strip_prefix(['V', 'v']).unwrap_or(stem);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    if digits.is_empty() || !(rest.is_empty() || rest.starts_with(['_', '-', '.', ' '])) {
        return None;
    }
    Some(match digits.parse() {
        Ok(number) if number <= LARGEST => Ok(number),
        _ => Err(Error::invalid(format!("the number {digits} is larger than {LARGEST}"))),
    })
}

#[derive(Deserialize)]
struct Journal {
    entries: Vec<JournalEntry>,
}

#[derive(Deserialize)]
struct JournalEntry {
    idx: u64,
    when: Option<i64>,
    tag: String,
}

/// One migration while its files are gathered.
#[derive(Default)]
struct Found {
    up: Option<(String, Cow<'static, str>)>,
    down: Option<(String, Cow<'static, str>)>,
    nested: bool,
}

/// Reads the migrations among these files, in the order of their numbers.
pub(super) fn read<N: AsRef<str>>(
    files: impl Iterator<Item = (N, Cow<'static, str>)>,
) -> Result<Vec<Migration>> {
    let mut found = BTreeMap::<String, Found>::new();
    let mut journal = None;
    for (path, text) in files {
        let path = path.as_ref();
        let (stem, down, nested) = match file(path) {
            File::Other => continue,
            File::Journal => {
                let read = serde_json::from_str::<Journal>(without_mark(&text));
                journal =
                    Some(read.map_err(|error| Error::invalid(format!("{path}: {error}")))?.entries);
                continue;
            }
            File::Sql { stem, down } => (stem, down, false),
            File::Nested { stem } => (stem, false, true),
        };
        let entry = found.entry(stem.to_owned()).or_default();
        entry.nested |= nested;
        let place = if down { &mut entry.down } else { &mut entry.up };
        if let Some((before, _)) = place {
            return Err(Error::invalid(format!(
                "{before} and {path} are the same migration; only one of them can be"
            )));
        }
        *place = Some((path.to_owned(), clean(text)));
    }
    let mut migrations = Vec::with_capacity(found.len());
    for (stem, found) in found {
        let Some((path, text)) = found.up else {
            let (path, _) = found.down.unwrap_or_default();
            return Err(Error::invalid(format!(
                "{path} undoes a migration that is not there: {stem}.sql"
            )));
        };
        let (number, drizzle) = match &journal {
            Some(entries) => match entries.iter().find(|entry| entry.tag == stem) {
                Some(entry) => (entry.idx, Some(entry.when)),
                None => {
                    return Err(Error::invalid(format!(
                        "{path} is not in meta/_journal.json, which has the order of this folder's files"
                    )));
                }
            },
            None => match number(&stem) {
                Some(number) => {
                    (number.map_err(|error| error.prefixed(&path))?, found.nested.then_some(None))
                }
                None => {
                    return Err(Error::invalid(format!(
                        "{path} has no number to order it by; call it 0001_{stem}.sql, for example"
                    )));
                }
            },
        };
        let headers = Headers::parse(&text).map_err(|error| error.prefixed(&path))?;
        let down = found.down.map(|(path, down)| checked_down(&path, down)).transpose()?;
        let checksum = checksum::of(&text);
        migrations
            .push((path, Migration { number, name: stem, text, down, headers, checksum, drizzle }));
    }
    migrations.sort_by_key(|(_, migration)| migration.number);
    for pair in migrations.windows(2) {
        if let [(first, one), (second, other)] = pair
            && one.number == other.number
        {
            return Err(Error::invalid(format!(
                "{first} and {second} have the same number, {}",
                one.number
            )));
        }
    }
    for entry in journal.iter().flatten() {
        if !migrations.iter().any(|(_, migration)| migration.name == entry.tag) {
            return Err(Error::invalid(format!(
                "meta/_journal.json lists {}, but there is no {}.sql",
                entry.tag, entry.tag
            )));
        }
    }
    Ok(migrations.into_iter().map(|(_, migration)| migration).collect())
}

fn checked_down(path: &str, down: Cow<'static, str>) -> Result<Cow<'static, str>> {
    let headers = Headers::parse(&down).map_err(|error| error.prefixed(path))?;
    if headers.alone || headers.replaces.is_some() || headers.breaks_older {
        return Err(Error::invalid(format!(
            "{path}: a way back runs in a transaction, and has no header but \"rebuild\""
        )));
    }
    Ok(down)
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Returns the text as it is on Unix, so that what runs, texts in it included, is the same on every
/// checkout.
fn clean(text: Cow<'static, str>) -> Cow<'static, str> {
    if text.contains("\r\n") || text.starts_with('\u{feff}') {
        return Cow::Owned(without_mark(&text).replace("\r\n", "\n"));
    }
    text
}

/// Reads the files of a folder that may be migrations.
#[cfg(not(target_family = "wasm"))]
pub(super) fn files_of(folder: &std::path::Path) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            for inner in ["_journal.json", "migration.sql"] {
                let inside = path.join(inner);
                if inside.is_file() {
                    add(&mut files, format!("{name}/{inner}"), &inside)?;
                }
            }
        } else {
            add(&mut files, name, &path)?;
        }
    }
    Ok(files)
}

#[cfg(not(target_family = "wasm"))]
fn add(files: &mut Vec<(String, String)>, name: String, path: &std::path::Path) -> Result<()> {
    if file(&name) != File::Other {
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        files.push((name, text));
    }
    Ok(())
}

#[cfg(not(target_family = "wasm"))]
fn unreadable(path: &std::path::Path, error: &std::io::Error) -> Error {
    use crate::error::ErrorKind;
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied => {
            ErrorKind::CannotOpen
        }
        std::io::ErrorKind::InvalidData => ErrorKind::InvalidArgument,
        _ => ErrorKind::Io,
    };
    Error::new(kind, error.to_string()).with_path(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[(&'static str, &'static str)]) -> Result<Vec<(u64, String)>> {
        let files = files.iter().map(|(name, text)| (*name, Cow::Borrowed(*text)));
        Ok(read(files)?.into_iter().map(|it| (it.number, it.name)).collect())
    }

    fn refused(files: &[(&'static str, &'static str)]) -> String {
        names(files).unwrap_err().message().to_owned()
    }

    #[test]
    fn the_number_orders_whatever_its_digits() {
        let files = [
            ("./migrations/10_c.sql", ""),
            ("migrations\\0002_b.up.sql", ""),
            ("1.sql", ""),
            ("20240101120000_d.sql", ""),
            ("V3__e.sql", ""),
            ("0002_b.down.sql", ""),
            ("schema.sql", ""),
            (".gitkeep", ""),
            ("README.md", ""),
            ("meta/0000_snapshot.json", "{}"),
        ];
        let read = names(&files).unwrap();
        let numbers: Vec<_> = read.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [1, 2, 3, 10, 20_240_101_120_000]);
        assert_eq!(read[1].1, "0002_b");
    }

    #[test]
    fn what_is_ambiguous_is_refused_by_name() {
        let message = refused(&[("1_a.sql", ""), ("01_b.sql", "")]);
        assert!(message.contains("1_a.sql") && message.contains("01_b.sql"), "{message}");
        let message = refused(&[("1_a.sql", ""), ("1_a.up.sql", "")]);
        assert!(message.contains("1_a.up.sql"), "{message}");
        assert!(refused(&[("1_a.down.sql", "")]).contains("1_a.down.sql"));
        assert!(refused(&[("items.sql", "")]).contains("items.sql"));
        assert!(refused(&[("1items.sql", "")]).contains("1items.sql"));
        assert!(refused(&[("9223372036854775808_a.sql", "")]).contains("9223372036854775808"));
        assert!(refused(&[("1_a.sql", "-- breaks: all")]).contains("1_a.sql"));
        assert!(refused(&[("1_a.sql", ""), ("1_a.down.sql", "-- alone")]).contains("1_a.down.sql"));
        assert_eq!(names(&[("9223372036854775807_a.sql", "")]).unwrap()[0].0, LARGEST);
    }

    #[test]
    fn both_kinds_of_drizzle_kits_folders_are_read() {
        let journal = r#"{"version":"7","dialect":"sqlite","entries":[
            {"idx":0,"version":"6","when":1700000000000,"tag":"0000_calm_hulk","breakpoints":true},
            {"idx":1,"version":"6","when":1700000000001,"tag":"quick_thor","breakpoints":true}]}"#;
        let files =
            [("quick_thor.sql", ""), ("0000_calm_hulk.sql", ""), ("meta/_journal.json", journal)];
        assert_eq!(
            names(&files).unwrap(),
            [(0, "0000_calm_hulk".to_owned()), (1, "quick_thor".to_owned())]
        );
        assert!(refused(&files[1..]).contains("quick_thor"), "a file of the journal is missing");
        let more = [files[0], files[1], files[2], ("0002_own.sql", "")];
        assert!(refused(&more).contains("0002_own.sql"), "a file is not in the journal");
        let newer = [
            ("20240101120000_calm_hulk/migration.sql", ""),
            ("20240101120000_calm_hulk/snapshot.json", ""),
        ];
        assert_eq!(
            names(&newer).unwrap(),
            [(20_240_101_120_000, "20240101120000_calm_hulk".to_owned())]
        );
    }

    #[test]
    fn checkouts_of_windows_and_unix_are_the_same() {
        let sum = |text: &'static str| {
            let read = read([("1_a.sql", Cow::Borrowed(text))].into_iter()).unwrap();
            (read[0].checksum.clone(), read[0].text.to_string())
        };
        let unix = sum("CREATE TABLE a (x);\nINSERT INTO a VALUES ('1\n2');\n");
        assert_eq!(
            sum("\u{feff}CREATE TABLE a (x);\r\nINSERT INTO a VALUES ('1\r\n2');\r\n"),
            unix
        );
    }
}
