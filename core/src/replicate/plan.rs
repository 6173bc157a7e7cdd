//! Which files of a replica make the database of a transaction.

use super::name::FileName;

/// Why a transaction can't be restored.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    /// There is no file with all pages, at or before it.
    NoSnapshot,
    /// No file has what follows this transaction, though later files are there.
    After(u64),
    /// It is not the last one of any file: the ones before and after it that are.
    Between(u64, Option<u64>),
}

/// Returns the files to apply, in order, for the database as it was after the transaction `to`, or
/// after the last one.
///
/// # Errors
/// What is missing.
pub(crate) fn plan(files: &[FileName], to: Option<u64>) -> Result<Vec<FileName>, Gap> {
    let wanted = |file: &&FileName| to.is_none_or(|to| file.last <= to);
    let usable: Vec<FileName> = files.iter().filter(wanted).copied().collect();
    // The fewest pages are read with the newest one that has all.
    let snapshot = usable.iter().filter(|it| it.is_snapshot()).max_by_key(|it| it.last);
    let Some(snapshot) = snapshot else { return Err(Gap::NoSnapshot) };
    let mut chosen = vec![*snapshot];
    let mut at = snapshot.last;
    let mut rest: Vec<FileName> = usable.iter().filter(|it| it.last > at).copied().collect();
    rest.sort_unstable_by_key(|it| (it.first, it.last));
    let mut rest = rest.into_iter().peekable();
    loop {
        // The one that leads farthest, of those that leave nothing out.
        let mut best: Option<FileName> = None;
        while let Some(file) = rest.next_if(|it| it.first <= at.saturating_add(1)) {
            if file.last > best.map_or(at, |it| it.last) {
                best = Some(file);
            }
        }
        let Some(file) = best else { break };
        at = file.last;
        chosen.push(file);
    }
    if rest.next().is_some() {
        return Err(Gap::After(at));
    }
    match to {
        Some(to) if to != at => {
            let after = files.iter().map(|it| it.last).filter(|last| *last > to).min();
            Err(Gap::Between(at, after))
        }
        _ => Ok(chosen),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn files(files: &[(u8, u64, u64)]) -> Vec<FileName> {
        files.iter().map(|&(level, first, last)| FileName { level, first, last }).collect()
    }

    #[test]
    fn the_newest_snapshot_and_what_follows_it_are_applied() {
        let all = files(&[(9, 1, 1), (0, 2, 2), (0, 3, 5), (9, 1, 5), (0, 6, 6), (0, 7, 9)]);
        assert_eq!(plan(&all, None), Ok(files(&[(9, 1, 5), (0, 6, 6), (0, 7, 9)])));
        assert_eq!(plan(&all, Some(6)), Ok(files(&[(9, 1, 5), (0, 6, 6)])));
        assert_eq!(plan(&all, Some(2)), Ok(files(&[(9, 1, 1), (0, 2, 2)])));
    }

    #[test]
    fn merged_files_are_taken_instead_of_those_they_were_merged_from() {
        let all = files(&[(9, 1, 1), (0, 2, 2), (0, 3, 3), (1, 2, 3), (0, 4, 4)]);
        assert_eq!(plan(&all, None), Ok(files(&[(9, 1, 1), (1, 2, 3), (0, 4, 4)])));
    }

    #[test]
    fn a_gap_is_never_stepped_over() {
        let all = files(&[(9, 1, 1), (0, 2, 2), (0, 4, 4)]);
        assert_eq!(plan(&all, None), Err(Gap::After(2)));
        assert_eq!(plan(&all, Some(4)), Err(Gap::After(2)));
        assert_eq!(plan(&all[1..], None), Err(Gap::NoSnapshot));
        assert_eq!(plan(&all, Some(3)), Err(Gap::Between(2, Some(4))));
        // A later snapshot has what is missing.
        let healed = [all, files(&[(9, 1, 5), (0, 6, 6)])].concat();
        assert_eq!(plan(&healed, None), Ok(files(&[(9, 1, 5), (0, 6, 6)])));
    }

    #[test]
    fn a_transaction_inside_a_file_is_told_with_its_neighbours() {
        let all = files(&[(9, 1, 1), (0, 2, 6)]);
        assert_eq!(plan(&all, Some(4)), Err(Gap::Between(1, Some(6))));
        assert_eq!(plan(&all, Some(9)), Err(Gap::Between(6, None)));
    }
}
