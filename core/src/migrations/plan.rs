//! What there is to do, given the files and the ledger.

use super::checksum;
use super::replaced::Numbers;
use super::{Migration, Migrations, explain};
use crate::error::{Error, ErrorKind, Result};

/// A migration in the ledger of a database.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) checksum: String,
    /// It was begun, outside a transaction, and it is not known whether it was done.
    pub(crate) begun: bool,
    /// Programs that lack it can't use the database.
    pub(crate) breaks_older: bool,
    /// What it stands for.
    pub(crate) replaces: Option<Numbers>,
    /// It was noted, and the ledger has a text that undoes all that it stands for at once.
    pub(crate) undoes_all: bool,
}

impl Entry {
    /// The entry of a migration that is done.
    pub(crate) fn of(migration: &Migration) -> Self {
        Self {
            number: migration.number,
            name: migration.name.clone(),
            checksum: migration.checksum.clone(),
            begun: false,
            breaks_older: migration.headers.breaks_older,
            replaces: migration.headers.replaces.clone(),
            undoes_all: false,
        }
    }

    /// Whether it only says that others are done, which the ledger (in the order of its numbers) has
    /// one by one: it changed nothing itself.
    fn is_note(&self, ledger: &[Self]) -> bool {
        let Some(numbers) = &self.replaces else { return false };
        let mut others = numbers.iter().filter(|number| *number != self.number).peekable();
        others.peek().is_some() && others.all(|number| find(ledger, number).is_some())
    }
}

/// One thing to do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Action<'a> {
    /// It runs.
    Apply(&'a Migration),
    /// What it replaces is done, so it is noted as done.
    Note(&'a Migration),
    /// Its text was changed, and counts as applied.
    AcceptEdit(&'a Migration),
}

impl<'a> Action<'a> {
    pub(crate) fn migration(self) -> &'a Migration {
        match self {
            Self::Apply(migration) | Self::Note(migration) | Self::AcceptEdit(migration) => {
                migration
            }
        }
    }
}

/// Returns what is to be done, in this order, for a database with this ledger (in the order of its
/// numbers) to have all migrations up to `last`.
///
/// # Errors
/// `SchemaTooNew` for a migration in the ledger that the files lack; `InvalidArgument` for a file
/// that was changed since it was applied, and for one that replaces some that are done and some that
/// are not.
pub(crate) fn plan<'a>(
    migrations: &'a Migrations,
    ledger: &[Entry],
    last: Option<u64>,
) -> Result<Vec<Action<'a>>> {
    if let Some(error) = too_new(migrations, ledger) {
        return Err(error);
    }
    let last = last.unwrap_or(u64::MAX);
    let mut actions = Vec::new();
    // What a file stands for that itself is still to run.
    let mut stood_for: Vec<&Numbers> = Vec::new();
    let covered = |number: u64| {
        ledger.iter().any(|entry| {
            entry.number != number && entry.replaces.as_ref().is_some_and(|it| it.contains(number))
        })
    };
    let wanted = || migrations.files().iter().take_while(|file| file.number <= last);
    for file in wanted() {
        let Some(numbers) = &file.headers.replaces else { continue };
        let known = |number: u64| find(ledger, number).is_some();
        let own = find(ledger, file.number).is_some_and(|entry| entry.replaces.is_some());
        if !own && !numbers.iter().any(known) {
            stood_for.push(numbers);
        }
    }
    for file in wanted() {
        let entry = find(ledger, file.number);
        if let Some(numbers) = &file.headers.replaces {
            let noted = entry
                .is_some_and(|entry| entry.replaces.is_some() || !numbers.contains(entry.number));
            if !noted && numbers.iter().any(|number| find(ledger, number).is_some()) {
                let missing = |number: &u64| {
                    find(ledger, *number).is_none_or(|entry| entry.begun)
                        && (*number == file.number || migrations.get(*number).is_none())
                };
                let missing: Vec<_> = numbers.iter().filter(missing).collect();
                if !missing.is_empty() {
                    return Err(half_replaced(file, &missing));
                }
                actions.push(Action::Note(file));
                continue;
            }
        }
        match entry {
            Some(entry) if entry.begun => actions.push(Action::Apply(file)),
            // One that stands for this one and others has taken its place.
            Some(entry) if entry.replaces.is_some() && file.headers.replaces.is_none() => {}
            Some(entry) if entry.checksum != file.checksum => {
                actions.push(Action::AcceptEdit(file))
            }
            Some(_) => {}
            None if covered(file.number) => {}
            None if stood_for.iter().any(|it| {
                it.contains(file.number) && file.headers.replaces.as_ref() != Some(*it)
            }) => {}
            None => actions.push(Action::Apply(file)),
        }
    }
    if !migrations.accept_edited
        && let Some(edited) = actions.iter().find(|it| matches!(it, Action::AcceptEdit(_)))
    {
        return Err(self::edited(edited.migration(), None));
    }
    Ok(actions)
}

/// How a migration is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By its own text.
    Own,
    /// It only says that others are done: nothing is to be undone but that.
    Note,
    /// By the text that undoes all that it stands for.
    All,
}

/// Returns what is to be undone, the last first, for a database with this ledger (in the order of its
/// numbers) to have nothing after `last`.
pub(crate) fn plan_back(ledger: &[Entry], last: u64) -> Vec<(Way, &Entry)> {
    let mut back: Vec<(Way, &Entry)> = Vec::new();
    for entry in ledger.iter().rev().take_while(|entry| entry.number > last) {
        let undone = |(way, other): &(Way, &Entry)| {
            *way == Way::All && other.replaces.as_ref().is_some_and(|it| it.contains(entry.number))
        };
        if back.iter().any(undone) {
            continue;
        }
        let way = match &entry.replaces {
            Some(numbers) if entry.is_note(ledger) => {
                if entry.undoes_all && numbers.iter().all(|number| number > last) {
                    Way::All
                } else if numbers.contains(entry.number) {
                    // The ledger has the text of the one that had this number before.
                    Way::Own
                } else {
                    Way::Note
                }
            }
            _ => Way::Own,
        };
        back.push((way, entry));
    }
    back
}

/// Returns the error of a database that has migrations which the files lack, unless that is allowed.
fn too_new(migrations: &Migrations, ledger: &[Entry]) -> Option<Error> {
    let replaced = |number: u64| {
        let files = migrations.files().iter();
        files.filter_map(|file| file.headers.replaces.as_ref()).any(|it| it.contains(number))
    };
    // It says of migrations that these files have one by one that they are done, as they are.
    let says_nothing_new = |entry: &Entry| {
        let numbers = entry.replaces.iter().flat_map(Numbers::iter);
        !entry.breaks_older
            && entry.is_note(ledger)
            && numbers.map(|number| migrations.get(number)).all(|file| file.is_some())
    };
    let unknown = |entry: &&Entry| match migrations.get(entry.number) {
        _ if says_nothing_new(entry) => false,
        // It stands for migrations that these files still have one by one.
        Some(file) => entry.replaces.is_some() && file.headers.replaces.is_none(),
        None => !replaced(entry.number),
    };
    let refused = |entry: &&Entry| !migrations.allow_newer || entry.breaks_older;
    let newer: Vec<_> = ledger.iter().filter(unknown).filter(refused).collect();
    let first = newer.first()?;
    let more = match newer.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let why = match first.breaks_older && migrations.allow_newer {
        true => "it says that older programs can't use the database any more",
        false => "a newer version of the program has applied it; use that one",
    };
    Some(Error::new(
        ErrorKind::SchemaTooNew,
        format!(
            "the database has migration {}{more}, which is not among this program's files: {why}",
            first.name
        ),
    ))
}

/// Returns the error for a file that was changed, with the line if the marks of the lines that were
/// applied are known.
pub(crate) fn edited(file: &Migration, marks: Option<&[u8]>) -> Error {
    let line = marks.and_then(|marks| checksum::first_difference(marks, &file.text));
    let place = line.map_or(String::new(), |line| format!(", at line {line}"));
    explain(
        &file.name,
        Error::invalid(format!(
            "the file was changed after it was applied{place}; put it back and write another migration, or accept the change (accept_edited) if it makes no difference to the schema"
        )),
    )
}

fn half_replaced(file: &Migration, missing: &[u64]) -> Error {
    const SHOWN: usize = 10;
    let mut list: Vec<_> = missing.iter().take(SHOWN).map(u64::to_string).collect();
    if missing.len() > SHOWN {
        list.push(format!("{} more", missing.len() - SHOWN));
    }
    explain(
        &file.name,
        Error::invalid(format!(
            "some of the migrations that it replaces are done in this database, but not {}; bring it up to date with a program that has them as files, and then use this one",
            list.join(", ")
        )),
    )
}

fn find(ledger: &[Entry], number: u64) -> Option<&Entry> {
    let index = ledger.binary_search_by_key(&number, |entry| entry.number).ok()?;
    ledger.get(index)
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
