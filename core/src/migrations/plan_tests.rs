//! What is planned for each kind of ledger.

use super::*;

fn files(files: &[(&'static str, &'static str)]) -> Migrations {
    Migrations::new(files.iter().copied()).unwrap()
}

/// The ledger of a database that has applied these files.
fn ledger(migrations: &Migrations) -> Vec<Entry> {
    migrations.files().iter().map(Entry::of).collect()
}

fn planned(migrations: &Migrations, ledger: &[Entry], last: Option<u64>) -> Result<Vec<String>> {
    let action = |action: Action<'_>| {
        let verb = match action {
            Action::Apply(_) => "apply",
            Action::Note(_) => "note",
            Action::AcceptEdit(_) => "accept",
        };
        format!("{verb} {}", action.migration().number)
    };
    Ok(plan(migrations, ledger, last)?.into_iter().map(action).collect())
}

fn refused(migrations: &Migrations, ledger: &[Entry]) -> (ErrorKind, String) {
    let error = planned(migrations, ledger, None).unwrap_err();
    (error.kind(), error.message().to_owned())
}

#[test]
fn what_is_missing_runs_in_order_also_in_between() {
    let all = files(&[("1_a.sql", "a"), ("2_b.sql", "b"), ("7_c.sql", "c")]);
    assert_eq!(planned(&all, &[], None).unwrap(), ["apply 1", "apply 2", "apply 7"]);
    assert_eq!(planned(&all, &[], Some(2)).unwrap(), ["apply 1", "apply 2"]);
    let some = ledger(&files(&[("1_a.sql", "a"), ("7_c.sql", "c")]));
    assert_eq!(planned(&all, &some, None).unwrap(), ["apply 2"]);
    assert!(planned(&all, &ledger(&all), None).unwrap().is_empty());
}

#[test]
fn a_renamed_file_is_the_same_and_an_edited_one_is_not() {
    let before = ledger(&files(&[("1_a.sql", "a")]));
    assert!(planned(&files(&[("1_renamed.sql", "a\r\n")]), &before, None).unwrap().is_empty());
    let edited = files(&[("1_a.sql", "b")]);
    let (kind, message) = refused(&edited, &before);
    assert_eq!(kind, ErrorKind::InvalidArgument);
    assert!(message.contains("1_a"), "{message}");
    assert_eq!(planned(&edited.accept_edited(true), &before, None).unwrap(), ["accept 1"]);
}

#[test]
fn a_newer_database_is_refused_unless_that_is_allowed() {
    let old = files(&[("1_a.sql", "a")]);
    let newer = ledger(&files(&[("1_a.sql", "a"), ("2_b.sql", "b"), ("3_c.sql", "c")]));
    let (kind, message) = refused(&old, &newer);
    assert_eq!(kind, ErrorKind::SchemaTooNew);
    assert!(message.contains("2_b and 1 more"), "{message}");
    let old = old.allow_newer(true);
    assert!(planned(&old, &newer, None).unwrap().is_empty());
    let breaking = ledger(&files(&[("1_a.sql", "a"), ("2_b.sql", "-- breaks: older\nb")]));
    assert_eq!(refused(&old, &breaking).0, ErrorKind::SchemaTooNew);
}

#[test]
fn what_was_begun_and_perhaps_not_done_runs_again() {
    let all = files(&[("1_a.sql", "-- alone\nVACUUM")]);
    let mut begun = ledger(&all);
    begun[0].begun = true;
    begun[0].checksum.clear();
    assert_eq!(planned(&all, &begun, None).unwrap(), ["apply 1"]);
}

mod squash {
    use super::*;

    const OLD: [(&str, &str); 3] = [("1_a.sql", "a"), ("2_b.sql", "b"), ("3_c.sql", "c")];
    const SQUASH: (&str, &str) = ("3_squash.sql", "-- replaces: 1-3\nabc");
    const NEXT: (&str, &str) = ("4_d.sql", "d");

    #[test]
    fn it_runs_on_an_empty_database() {
        let all = files(&[SQUASH, NEXT]);
        assert_eq!(planned(&all, &[], None).unwrap(), ["apply 3", "apply 4"]);
        assert!(planned(&all, &ledger(&all), None).unwrap().is_empty());
    }

    #[test]
    fn it_is_noted_where_all_are_done() {
        let all = files(&[SQUASH, NEXT]);
        assert_eq!(planned(&all, &ledger(&files(&OLD)), None).unwrap(), ["note 3", "apply 4"]);
        // Then the ledger has the old ones and the new one.
        let mut noted = ledger(&files(&OLD[..2]));
        noted.extend(ledger(&all));
        assert!(planned(&all, &noted, None).unwrap().is_empty());
    }

    #[test]
    fn with_a_number_of_its_own_too() {
        let later = files(&[("9_squash.sql", "-- replaces: 1-3\nabc")]);
        assert_eq!(planned(&later, &[], None).unwrap(), ["apply 9"]);
        assert_eq!(planned(&later, &ledger(&files(&OLD)), None).unwrap(), ["note 9"]);
        let mut noted = ledger(&files(&OLD));
        noted.extend(ledger(&later));
        assert!(planned(&later, &noted, None).unwrap().is_empty());
    }

    #[test]
    fn in_between_the_missing_ones_are_named() {
        let all = files(&[SQUASH, NEXT]);
        for done in [&OLD[..1], &OLD[..2], &OLD[1..]] {
            let (kind, message) = refused(&all, &ledger(&files(done)));
            assert_eq!(kind, ErrorKind::InvalidArgument);
            assert!(message.contains("3_squash"), "{message}");
        }
        let (_, message) = refused(&all, &ledger(&files(&OLD[..1])));
        assert!(message.contains("but not 2, 3"), "{message}");
    }

    #[test]
    fn files_that_are_still_there_run_first_or_not_at_all() {
        let all = files(&[OLD[0], OLD[1], OLD[2], ("9_squash.sql", "-- replaces: 1-3\nabc")]);
        assert_eq!(planned(&all, &[], None).unwrap(), ["apply 9"]);
        let some = ledger(&files(&OLD[..1]));
        assert_eq!(planned(&all, &some, None).unwrap(), ["apply 2", "apply 3", "note 9"]);
        let fresh = ledger(&files(&[("9_squash.sql", "-- replaces: 1-3\nabc")]));
        assert!(planned(&all, &fresh, None).unwrap().is_empty());
    }

    #[test]
    fn an_older_program_does_not_run_what_was_replaced() {
        let old = files(&OLD).allow_newer(true);
        let fresh = ledger(&files(&[("9_squash.sql", "-- replaces: 1-3\nabc")]));
        assert!(planned(&old, &fresh, None).unwrap().is_empty());
        let strict = files(&OLD);
        assert_eq!(refused(&strict, &fresh).0, ErrorKind::SchemaTooNew);
        let same_number = ledger(&files(&[SQUASH]));
        assert_eq!(refused(&strict, &same_number).0, ErrorKind::SchemaTooNew);
    }
}

#[test]
fn going_back_undoes_the_last_first() {
    let done = ledger(&files(&[("1_a.sql", "a"), ("2_b.sql", "b"), ("3_c.sql", "c")]));
    let numbers = |last| plan_back(&done, last).iter().map(|(_, it)| it.number).collect::<Vec<_>>();
    assert_eq!(numbers(1), [3, 2]);
    assert_eq!(numbers(0), [3, 2, 1]);
    assert!(numbers(3).is_empty());
}
