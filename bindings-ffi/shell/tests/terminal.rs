//! The shell in a terminal, with its screen looked at.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use support::terminal::Terminal;
use support::{answer, program};

/// A folder with the database `app.db`.
struct Place {
    folder: tempfile::TempDir,
}

const PROMPT: &str = "app.db> ";

impl Place {
    fn new(sql: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Self { folder };
        if !sql.is_empty() {
            rusqlite::Connection::open(place.file("app.db")).unwrap().execute_batch(sql).unwrap();
        }
        place
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn shell(&self, rows: u16, columns: u16) -> Terminal {
        let mut command = program();
        command.arg("app.db").current_dir(self.folder.path());
        let terminal = Terminal::start(command, rows, columns);
        terminal.prompt(PROMPT);
        terminal
    }
}

const ITEMS: &str =
    "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, price REAL, picture BLOB);
    INSERT INTO items VALUES (1, 'lamp', 9.5, NULL), (20, 'NULL', 100.0, x'00ff'),
        (300, 'a
line', NULL, zeroblob(100));";

#[test]
fn a_result_is_a_table_with_numbers_to_the_right_and_null_told_from_a_text() {
    let place = Place::new(ITEMS);
    let mut shell = place.shell(30, 100);
    let screen = shell.run("SELECT * FROM items;", PROMPT);
    let wanted = "\
┌─────┬────────┬───────┬─────────────────────────────────────────────────────┐
│ id  │ name   │ price │ picture                                             │
├─────┼────────┼───────┼─────────────────────────────────────────────────────┤
│   1 │ lamp   │   9.5 │ NULL                                                │
│  20 │ 'NULL' │ 100.0 │ x'00ff'                                             │
│ 300 │ a⏎line │ NULL  │ x'00000000000000000000000000000000…' (100 bytes)    │
└─────┴────────┴───────┴─────────────────────────────────────────────────────┘
3 rows";
    let tidy = |text: &str| text.replace([' ', '─'], "");
    assert!(tidy(&screen).contains(&tidy(wanted)), "{screen}");
    // NULL is dim, the text is not.
    let dim = |row: u16, text: &str| {
        shell.look(|screen| {
            let line = screen.rows(0, 100).nth(row.into()).unwrap();
            let column = line.find(text).map(|at| line[..at].chars().count()).unwrap();
            screen.cell(row, column.try_into().unwrap()).unwrap().dim()
        })
    };
    assert!(dim(4, "NULL") && !dim(5, "NULL"), "{screen}");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn a_table_never_leaves_its_screen_whatever_is_in_it() {
    let place = Place::new(
        "CREATE TABLE t (a, b); INSERT INTO t VALUES
            ('日本語のとても長いテキスト、画面よりも長い', '😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀'),
            ('short', char(27) || '[2J' || char(7) || char(0x202e) || 'end'),
            (printf('%.*c', 500, 'x'), 1);",
    );
    let mut shell = place.shell(20, 40);
    let screen = shell.run("SELECT * FROM t;", PROMPT);
    let lines: Vec<_> =
        screen.lines().filter(|line| line.starts_with(['│', '┌', '├', '└'])).collect();
    assert_eq!(lines.len(), 7, "{screen}");
    // Each row of the table begins and ends in the same columns of the screen.
    shell.look(|screen| {
        for row in 1..8 {
            for column in [0, 39] {
                let cell = screen.cell(row, column).unwrap().contents();
                assert!(
                    "│┌├└┐┤┘".contains(cell) && !cell.is_empty(),
                    "{cell:?} at {row}, {column}"
                );
            }
        }
    });
    assert!(
        screen.contains("日本") && screen.contains("xxx…") && screen.contains("␛[2J␇"),
        "{screen}"
    );
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn a_row_of_200_columns_is_shown_a_line_for_each() {
    let columns: Vec<_> = (0..200).map(|it| format!("{it} AS c{it}")).collect();
    let place = Place::new("CREATE TABLE t (a);");
    let mut shell = place.shell(230, 80);
    let screen = shell.run(&format!("SELECT {};", columns.join(",")), PROMPT);
    assert!(screen.contains("  c0 = 0\n") && screen.contains("c199 = 199\n"), "{screen}");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn ctrl_c_stops_a_query_without_end_and_neither_the_shell_nor_its_transaction() {
    let place = Place::new(ITEMS);
    let mut shell = place.shell(24, 80);
    shell.run("BEGIN; INSERT INTO items (name) VALUES ('kept');", "app.db*> ");
    // One that writes rows, and one that never does.
    for (endless, seen) in [
        (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS x FROM n;",
            "99",
        ),
        (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;",
            "count",
        ),
    ] {
        shell.clear();
        shell.line(endless);
        shell.shows(seen);
        let by = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !shell.look(|screen| screen.contents().contains("interrupted")) {
            assert!(std::time::Instant::now() < by, "{}", shell.look(|screen| screen.contents()));
            let id = shell.id().to_string();
            std::process::Command::new("kill").args(["-INT", &id]).status().unwrap();
            std::thread::sleep(std::time::Duration::from_millis(300));
        }
        shell.prompt("app.db*> ");
    }
    let screen = shell.run("SELECT count(*) AS n FROM items WHERE name = 'kept';", "app.db*> ");
    assert!(screen.contains("│ 1 │"), "{screen}");
    shell.run("COMMIT;", PROMPT);
    assert_eq!(shell.leave(), Some(0));
    assert_eq!(
        answer([place.file("app.db").as_os_str(), "SELECT count(*) FROM items".as_ref()]),
        "4\n"
    );
}

#[test]
fn the_key_ctrl_c_stops_a_statement_and_throws_away_a_line() {
    let place = Place::new(ITEMS);
    let mut shell = place.shell(24, 80);
    shell.line(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;",
    );
    // The terminal is in its usual mode while a statement runs: there a key is a signal.
    let by = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !shell.look(|screen| screen.contents().contains("interrupted")) {
        assert!(std::time::Instant::now() < by, "{}", shell.look(|screen| screen.contents()));
        shell.keys("\x03");
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    shell.prompt(PROMPT);
    shell.line("SELECT 'never',");
    shell.until("the next line", |screen| screen.contents().contains("...> "));
    shell.keys("\x03");
    shell.prompt(PROMPT);
    let screen = shell.run("SELECT 'whole' AS w;", PROMPT);
    assert!(screen.contains("│ whole │") && !screen.contains("never"), "{screen}");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn a_statement_over_several_lines_is_one_and_the_history_has_it_whole() {
    let place = Place::new(ITEMS);
    let mut command = program();
    let history = place.file("history");
    command.arg("app.db").current_dir(place.folder.path()).env("UBIQLITE_HISTORY", &history);
    let mut shell = Terminal::start(command, 24, 80);
    shell.prompt(PROMPT);
    shell.line("SELECT name");
    shell.shows("   ...> ");
    shell.line("FROM items WHERE id = 1;");
    shell.shows("│ lamp │");
    shell.prompt(PROMPT);
    assert_eq!(fs::read_to_string(&history).unwrap(), "SELECT name\\nFROM items WHERE id = 1;\n");
    assert_eq!(fs::metadata(&history).unwrap().permissions().mode() & 0o777, 0o600);
    shell.clear();
    // Up and Enter.
    shell.keys("\x1b[A");
    shell.shows("WHERE id = 1;");
    shell.line("");
    shell.shows("│ lamp │");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn tab_completes_tables_columns_keywords_and_verbs() {
    let place = Place::new("CREATE TABLE \"my items\" (id, amount); CREATE TABLE other (x);");
    let mut shell = place.shell(24, 80);
    shell.keys("sel\t");
    shell.shows("select");
    shell.keys(" am\t");
    shell.shows("select amount");
    shell.keys(" from my\t");
    shell.shows("from \"my items\"");
    shell.line(";");
    shell.shows("0 rows");
    shell.prompt(PROMPT);
    shell.keys(".tab\t");
    shell.shows(".tables");
    shell.line("");
    shell.shows("my items  other");
    // A table that was made in this shell is known at once.
    shell.run("CREATE TABLE fresh_one (y);", PROMPT);
    shell.keys("SELECT * FROM fre\t");
    shell.shows("FROM fresh_one");
    shell.keys("\x03");
    shell.prompt(PROMPT);
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn an_open_transaction_is_in_the_prompt_until_it_ends_however_it_ends() {
    let place = Place::new("CREATE TABLE t (a INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);");
    let mut shell = place.shell(24, 80);
    shell.run("BEGIN;", "app.db*> ");
    shell.run("INSERT INTO t VALUES (2);", "app.db*> ");
    // An error leaves it open, and this kind ends it.
    let screen = shell.run("INSERT INTO t VALUES (1);", "app.db*> ");
    assert!(screen.contains("UNIQUE"), "{screen}");
    let screen = shell.run("INSERT OR ROLLBACK INTO t VALUES (1);", PROMPT);
    assert!(screen.contains("The transaction was rolled back."), "{screen}");
    let screen = shell.run("SELECT count(*) AS n FROM t;", PROMPT);
    assert!(screen.contains("│ 1 │"), "{screen}");
    shell.run("SAVEPOINT a;", "app.db*> ");
    shell.run("SAVEPOINT b;", "app.db*> ");
    shell.run("RELEASE b;", "app.db*> ");
    shell.run("RELEASE a;", PROMPT);
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn the_place_of_an_error_is_marked() {
    let place = Place::new(ITEMS);
    let mut shell = place.shell(24, 80);
    let screen = shell.run("SELECT id, nope FROM items;", PROMPT);
    assert!(screen.contains("  SELECT id, nope FROM items;\n             ^\nError: "), "{screen}");
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn a_backup_shows_how_far_it_is_and_leaves_no_bar() {
    let place = Place::new(
        "CREATE TABLE t (a); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 20000)
         INSERT INTO t SELECT randomblob(1000) FROM n;",
    );
    let mut shell = place.shell(24, 80);
    let screen = shell.run(".backup copy.db", PROMPT);
    assert!(
        screen.contains("copied") && !screen.contains('█') && !screen.contains('%'),
        "{screen}"
    );
    let seen = String::from_utf8_lossy(&shell.bytes()).into_owned();
    assert!(seen.contains("100 %") && seen.contains('█'), "{seen}");
    let screen = shell.run(".backup copy.db", PROMPT);
    assert!(screen.contains("-overwrite"), "{screen}");
    assert_eq!(shell.leave(), Some(0));
    let count = |name: &str| {
        let db = rusqlite::Connection::open(place.file(name)).unwrap();
        db.query_row("SELECT count(*) FROM t", (), |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(count("copy.db"), count("app.db"));
}

#[test]
fn a_file_that_another_process_of_ours_writes_is_read_and_written_beside_it() {
    let place = Place::new("CREATE TABLE t (who, n);");
    // Another shell, which holds its side open and writes when it is told to.
    let mut other = program()
        .arg(place.file("app.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = other.stdin.take().unwrap();
    let mut stdout = std::io::BufReader::new(other.stdout.take().unwrap());
    let mut shell = place.shell(24, 80);
    for round in 1..=20 {
        use std::io::{BufRead, Write};
        writeln!(stdin, "INSERT INTO t VALUES ('other', {round}); SELECT 'done {round}';").unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, format!("done {round}\n"));
        let screen = shell.run(&format!("INSERT INTO t VALUES ('own', {round});"), PROMPT);
        assert!(screen.contains("1 row changed"), "{screen}");
        let screen = shell.run("SELECT count(*) AS n FROM t;", PROMPT);
        assert!(screen.contains(&format!(" {} │", round * 2)), "{screen}");
    }
    drop(stdin);
    assert!(other.wait().unwrap().success());
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn a_missing_file_is_made_by_the_first_statement_that_writes_and_by_nothing_else() {
    let place = Place::new("");
    let mut shell = place.shell(24, 80);
    shell.shows("app.db does not exist");
    shell.run("SELECT 1; SELECT * FROM sqlite_schema;", PROMPT);
    shell.run(".tables", PROMPT);
    assert!(!place.file("app.db").exists());
    shell.run("CREATE TABLE t (a);", PROMPT);
    assert!(place.file("app.db").exists());
    assert_eq!(shell.leave(), Some(0));
}

#[test]
fn a_damaged_file_is_named_as_such_with_what_can_be_done() {
    let place = Place::new(ITEMS);
    let mut bytes = fs::read(place.file("app.db")).unwrap();
    // The root page of the table.
    bytes[4096..4196].fill(0xa5);
    fs::write(place.file("app.db"), &bytes).unwrap();
    let mut shell = place.shell(24, 100);
    let screen = shell.run("SELECT * FROM items;", PROMPT);
    assert!(screen.contains(".check") && screen.contains(".recover"), "{screen}");
    let screen = shell.run(".check", PROMPT);
    assert!(screen.contains("items") && screen.contains("fault"), "{screen}");
    shell.run(".recover saved.db", PROMPT);
    assert!(place.file("saved.db").exists());
    assert_eq!(shell.leave(), Some(0));
}
