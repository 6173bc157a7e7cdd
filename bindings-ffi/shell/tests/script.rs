//! The shell without a terminal: arguments, scripts, files.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::fs;
use std::path::PathBuf;

use support::{answer, program, run, script, text};

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(sql: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        if !sql.is_empty() {
            rusqlite::Connection::open(place.file("app.db")).unwrap().execute_batch(sql).unwrap();
        }
        place
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.file(name), text).unwrap();
        self.file(name).display().to_string()
    }

    /// Runs the shell on the database with these arguments.
    fn answer(&self, arguments: &[&str]) -> String {
        answer(self.with(arguments))
    }

    fn refusal(&self, arguments: &[&str]) -> String {
        let output = run(self.with(arguments));
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
        text(&output.stderr)
    }

    fn with(&self, arguments: &[&str]) -> Vec<String> {
        let path = self.file("app.db").display().to_string();
        let own = arguments.iter().map(|it| (*it).to_owned());
        std::iter::once(path).chain(own).collect()
    }
}

const ITEMS: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, data);
    INSERT INTO items VALUES (1, 'a,\"b\"', x'0aff'), (2, '', NULL), (3, 'line
two', 1.0), (4, 'é', 9e999);";

#[test]
fn each_form_tells_null_from_an_empty_text_and_a_real_from_an_integer() {
    let place = Place::new(ITEMS);
    let all = "SELECT * FROM items";
    assert_eq!(
        place.answer(&["-csv", all]),
        "id,name,data\n1,\"a,\"\"b\"\"\",0aff\n2,\"\",\n3,\"line\ntwo\",1.0\n4,é,Inf\n"
    );
    assert_eq!(
        place.answer(&["-json", all]),
        "[{\"id\":1,\"name\":\"a,\\\"b\\\"\",\"data\":\"0aff\"},\n{\"id\":2,\"name\":\"\",\"data\":null},\n\
         {\"id\":3,\"name\":\"line\\ntwo\",\"data\":1.0},\n{\"id\":4,\"name\":\"é\",\"data\":9e999}]\n"
    );
    assert_eq!(place.answer(&["-list", "SELECT 1, NULL, 'x'"]), "1||x\n");
    assert_eq!(
        place.answer(&["-insert", "o'x", "SELECT id, data FROM items WHERE id < 3"]),
        "INSERT INTO \"o'x\"(\"id\",\"data\") VALUES(1,X'0aff');\n\
         INSERT INTO \"o'x\"(\"id\",\"data\") VALUES(2,NULL);\n"
    );
    assert_eq!(
        place.answer(&["-line", "SELECT id, name FROM items WHERE id = 2"]),
        "  id = 2\nname = \n"
    );
    assert_eq!(
        place.answer(&["-markdown", "SELECT 1 AS a, 'x|y' AS b"]),
        "| a   | b    |\n|-----|------|\n|   1 | x\\|y |\n"
    );
}

#[test]
fn a_result_without_rows_still_is_one() {
    let place = Place::new(ITEMS);
    let none = "SELECT id, name AS n FROM items WHERE 0";
    assert_eq!(place.answer(&["-json", none]), "[]\n");
    assert_eq!(place.answer(&["-csv", none]), "id,n\n");
    assert_eq!(place.answer(&["-list", none]), "");
}

#[test]
fn rows_of_a_statement_that_writes_are_written_too() {
    let place = Place::new(ITEMS);
    let with =
        "WITH n(i) AS (VALUES (10), (11)) INSERT INTO items (id) SELECT i FROM n RETURNING id";
    assert_eq!(place.answer(&[with]), "10\n11\n");
    assert_eq!(place.answer(&["WITH n(i) AS (VALUES (7)) SELECT i FROM n"]), "7\n");
    assert_eq!(place.answer(&["SELECT count(*) FROM items"]), "6\n");
}

#[test]
fn a_script_ends_at_its_first_error_which_is_told_with_its_line() {
    let place = Place::new(ITEMS);
    let done = script(
        &place.file("app.db"),
        "-- one\nSELECT 1;\n\nSELECT id,\n       nope\n  FROM items;\nSELECT 'never';\n",
    );
    assert_eq!((done.status.code(), text(&done.stdout)), (Some(1), "1\n".to_owned()));
    assert!(text(&done.stderr).starts_with("stdin:5: "), "{}", text(&done.stderr));

    // In a script that a script reads, it is that one's line.
    let inner = place.write("inner.sql", "SELECT 2;\nINSERT INTO items (id) VALUES (1);\n");
    let done = script(&place.file("app.db"), &format!("SELECT 1;\n.read '{inner}'\nSELECT 3;\n"));
    assert_eq!((done.status.code(), text(&done.stdout)), (Some(1), "1\n2\n".to_owned()));
    assert!(text(&done.stderr).starts_with(&format!("{inner}:2: ")), "{}", text(&done.stderr));

    let done = script(&place.file("app.db"), "SELECT 1;\n.nope\n");
    assert!(text(&done.stderr).starts_with("stdin:2: there is no verb .nope"));
    let done = script(&place.file("app.db"), "SELECT 'no end;\n");
    assert!(done.status.code() == Some(1) && text(&done.stderr).starts_with("stdin:1: "));
}

#[test]
fn a_transaction_goes_over_lines_and_one_that_is_not_ended_is_undone() {
    let place = Place::new(ITEMS);
    let file = place.file("app.db");
    let done =
        script(&file, "BEGIN;\nDELETE FROM items;\nROLLBACK;\nSELECT count(*) FROM items;\n");
    assert_eq!(text(&done.stdout), "4\n", "{}", text(&done.stderr));
    script(&file, "BEGIN;\nDELETE FROM items;\n");
    assert_eq!(place.answer(&["SELECT count(*) FROM items"]), "4\n");
    let done = script(
        &file,
        "CREATE TEMP TABLE t AS SELECT 7 AS x; ATTACH ':memory:' AS m;\nSELECT x FROM t;\n",
    );
    assert_eq!(text(&done.stdout), "7\n", "{}", text(&done.stderr));
}

#[test]
fn a_file_that_is_missing_is_made_only_by_what_writes_and_never_for_reading_only() {
    let place = Place::new("");
    assert_eq!(place.answer(&["SELECT 1", ".tables", ".schema"]), "1\n");
    assert!(!place.file("app.db").exists());
    let told = place.refusal(&["-readonly", "SELECT 1"]);
    assert!(told.contains("app.db") && !place.file("app.db").exists(), "{told}");
    place.answer(&["CREATE TABLE t (a)"]);
    let told = place.refusal(&["-readonly", "INSERT INTO t VALUES (1)"]);
    assert!(told.starts_with("SQL:1: ") && told.contains("read"), "{told}");
    assert_eq!(place.answer(&["-readonly", "SELECT count(*) FROM t"]), "0\n");
    let output = run([place.file("no/app.db").as_os_str(), "SELECT 1".as_ref()]);
    assert!(text(&output.stderr).contains("there is no folder"));
}

#[test]
fn tables_of_hostile_names_are_listed_shown_and_kept_apart() {
    let place = Place::new(
        "CREATE TABLE \"a'; DROP TABLE b; --\" (x); CREATE TABLE b (y); CREATE TABLE \"c%\" (z);
         CREATE INDEX \"b \"\"i\"\"\" ON b (y DESC); CREATE VIEW v AS SELECT 1 -- end
         ; CREATE TABLE \"esc\u{1b}[2J\" (q);",
    );
    assert_eq!(place.answer(&[".tables"]), "a'; DROP TABLE b; --\nb\nc%\nesc␛[2J\nv\n");
    assert_eq!(
        place.answer(&[".schema \"a'; DROP TABLE b; --\""]),
        "CREATE TABLE \"a'; DROP TABLE b; --\" (x);\n"
    );
    assert_eq!(
        place.answer(&[".schema B"]),
        "CREATE TABLE b (y);\nCREATE INDEX \"b \"\"i\"\"\" ON b (y DESC);\n"
    );
    assert_eq!(place.answer(&[".schema v"]), "CREATE VIEW v AS SELECT 1 -- end\n;\n");
    assert_eq!(
        place.answer(&["-csv", ".indexes b"]),
        "index,table,columns,unique,partial\n\"b \"\"i\"\"\",b,y DESC,no,no\n"
    );
}

#[test]
fn csv_is_imported_whole_or_not_at_all_and_a_bad_line_is_named() {
    let place = Place::new("CREATE TABLE t (n INTEGER CHECK (n < 5000), s TEXT);");
    let rows: String = (0..5000).map(|n| format!("{n},\"row\n{n}\"\n")).collect();
    // The third column makes line 6 wrong: its record begins there, after two that go over two lines.
    let bad = place.write("bad.csv", "s,n\n\"a\nb\",1\n\"c\nd\",2\ne,3,4\n");
    let told = place.refusal(&[&format!(".import '{bad}' t")]);
    assert!(
        told.contains("line 6: it has 3 values") && told.contains("nothing was imported"),
        "{told}"
    );
    let bad = place.write("late.csv", &format!("{rows}7777,x\n"));
    let told = place.refusal(&[&format!(".import '{bad}' t")]);
    assert!(told.contains("line 10001: ") && told.contains("CHECK"), "{told}");
    assert_eq!(place.answer(&["SELECT count(*) FROM t"]), "0\n");

    let good = place.write("good.csv", &format!("n,s\r\n{rows}"));
    place.answer(&[&format!(".import '{good}' t")]);
    assert_eq!(
        place.answer(&["SELECT count(*), sum(n), typeof(n), max(s) FROM t WHERE s GLOB 'row\n*'"]),
        "5000|12497500|integer|row\n999\n"
    );
    // A table is made of texts, so that nothing is another value.
    let new = place.write("new.csv", "zip;city\n007;\"A;B\"\n010;-\n");
    place.answer(&[&format!(".import -separator ';' -null - '{new}' \"o't\"")]);
    assert_eq!(place.answer(&["SELECT zip, city FROM \"o't\""]), "007|A;B\n010|\n");
}

#[test]
fn json_is_imported_from_an_array_or_from_lines() {
    let place = Place::new("CREATE TABLE t (id INTEGER PRIMARY KEY, name, data);");
    let array = place.write(
        "a.json",
        "\n[\n {\"id\": 1, \"name\": \"x\", \"data\": {\"a\": [1]}},\n {\"id\": 2, \"name\": null, \"data\": 1.5}\n]\n",
    );
    place.answer(&[&format!(".import '{array}' t")]);
    let lines = place.write("b.jsonl", "{\"id\": 3, \"name\": \"y\"}\n\n{\"id\": 4}\n");
    place.answer(&[&format!(".import '{lines}' t")]);
    assert_eq!(place.answer(&["SELECT * FROM t"]), "1|x|{\"a\":[1]}\n2||1.5\n3|y|\n4||\n");
    for (name, text, wanted) in [
        ("c.json", "[\n{\"id\": 9},\n{\"id\": 1}\n]", "line 3: "),
        ("d.jsonl", "{\"id\": 10}\n{\"id\": }\n", "line 2: "),
        ("e.json", "[\n{\"id\": 11},\n{\"id\": ]", "line 3: "),
        ("f.jsonl", "{\"id\": 12}\n{\"id\": 13, \"other\": 1}\n", "line 2: "),
    ] {
        let path = place.write(name, text);
        let told = place.refusal(&[&format!(".import '{path}' t")]);
        assert!(told.contains(wanted), "{name}: {told}");
    }
    assert_eq!(place.answer(&["SELECT count(*) FROM t"]), "4\n");
}

#[test]
fn an_import_that_fails_in_a_transaction_leaves_the_rest_of_it() {
    let place = Place::new("CREATE TABLE t (n INTEGER PRIMARY KEY);");
    let bad = place.write("bad.csv", "n\n2\n1\n");
    let done = script(
        &place.file("app.db"),
        &format!("BEGIN;\nINSERT INTO t VALUES (1);\n.import '{bad}' t\n"),
    );
    assert!(text(&done.stderr).contains("line 3"), "{}", text(&done.stderr));
    let good = place.write("good.csv", "n\n2\n3\n");
    let done = script(
        &place.file("app.db"),
        &format!(
            "BEGIN;\nINSERT INTO t VALUES (1);\n.import '{good}' t\nCOMMIT;\nSELECT sum(n) FROM t;\n"
        ),
    );
    assert_eq!(text(&done.stdout), "6\n", "{}", text(&done.stderr));
}

#[test]
fn migrations_are_told_as_applied_pending_or_changed_by_hand() {
    let place = Place::new("");
    fs::create_dir(place.file("migrations")).unwrap();
    place.write("migrations/1_items.sql", "CREATE TABLE items (id);");
    let show = |arguments: &[&str]| {
        let mut command = program();
        let output = command.args(place.with(arguments)).current_dir(place.folder.path()).output();
        output.unwrap()
    };
    assert_eq!(
        text(&show(&["-csv", ".migrations"]).stdout),
        "number,name,status,applied_at\n1,1_items,pending,\n"
    );
    let apply = async {
        let files = ubiqlite::Migrations::dir(place.file("migrations"))?;
        let db = ubiqlite::Database::options().migrations(files).open(place.file("app.db")).await?;
        db.close().await
    };
    block_on(apply).unwrap();
    place.write("migrations/2_names.sql", "ALTER TABLE items ADD COLUMN name;");
    let told = text(&show(&["-list", ".migrations"]).stdout);
    assert!(
        told.contains("1|1_items|applied|20") && told.contains("2|2_names|pending|\n"),
        "{told}"
    );
    let named = format!(".migrations '{}'", place.file("migrations").display());
    assert_eq!(place.answer(&[&named]), told);
    place.answer(&["ALTER TABLE items ADD COLUMN by_hand TEXT"]);
    let output = show(&[".migrations"]);
    let told = text(&output.stdout);
    assert!(told.contains("changed by hand: table items: column by_hand"), "{told}");
    assert_eq!(output.status.code(), Some(1));
}

/// Waits for a future of the library's.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(done) => return done,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn check_backup_and_restore_go_together() {
    let place = Place::new(ITEMS);
    assert_eq!(place.answer(&[".check"]), "ok\n");
    let copy = place.file("copy.db").display().to_string();
    place.answer(&[&format!(".backup '{copy}'")]);
    let told = place.refusal(&[&format!(".backup '{copy}'")]);
    assert!(told.contains("-overwrite"), "{told}");
    place.answer(&["DELETE FROM items", &format!(".backup -overwrite -compact '{copy}'")]);
    place.answer(&["INSERT INTO items (id) VALUES (1), (2)"]);
    place.answer(&[&format!(".restore '{copy}'")]);
    assert_eq!(place.answer(&["SELECT count(*) FROM items"]), "0\n");
    let told = place.refusal(&["BEGIN", &format!(".restore '{copy}'")]);
    assert!(told.contains("COMMIT or ROLLBACK"), "{told}");

    let place = Place::new(
        "PRAGMA foreign_keys = OFF; CREATE TABLE p (id PRIMARY KEY); CREATE TABLE c (p REFERENCES p); INSERT INTO c VALUES (5);",
    );
    let output = run(place.with(&[".check"]));
    assert_eq!(text(&output.stdout), "c: row 1: (p) names no row of p\n");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_is_no_database_or_damaged_is_told_with_what_to_do() {
    let place = Place::new("");
    place.write("app.db", &"this is no database. ".repeat(100));
    let told = place.refusal(&["SELECT 1"]);
    assert!(told.contains("app.db") && told.contains(".recover"), "{told}");

    let place = Place::new(ITEMS);
    let mut bytes = fs::read(place.file("app.db")).unwrap();
    bytes[4096..4196].fill(0xa5);
    fs::write(place.file("app.db"), &bytes).unwrap();
    let told = place.refusal(&["SELECT * FROM items"]);
    assert!(told.contains(".check") && told.contains(".recover"), "{told}");
    let told = place.refusal(&[".check"]);
    assert!(told.contains("fault"), "{told}");
    let saved = place.file("saved.db");
    let output = run(place.with(&[&format!(".recover '{}'", saved.display())]));
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(answer([saved.as_os_str(), ".check".as_ref()]), "ok\n");
}

#[test]
fn a_file_of_nodes_wasm_engine_is_left_alone() {
    let place = Place::new(ITEMS);
    place.write("app.db.ubiqlite-lock", "{}");
    let told = place.refusal(&["SELECT 1"]);
    assert!(told.contains("wasm engine") && told.contains("ubiqlite-lock"), "{told}");
}

#[test]
fn results_go_into_files_and_come_back() {
    let place = Place::new(ITEMS);
    let (out, once) = (place.file("out.csv"), place.file("once.txt"));
    let done = script(
        &place.file("app.db"),
        &format!(
            ".mode csv\n.output '{}'\nSELECT 1 AS a;\nSELECT 2 AS b;\n.output\nSELECT 3 AS c;\n\
             .mode list\n.once '{}'\nSELECT 4;\nSELECT 5;\n",
            out.display(),
            once.display()
        ),
    );
    assert_eq!(text(&done.stdout), "c\n3\n5\n", "{}", text(&done.stderr));
    assert_eq!(fs::read_to_string(out).unwrap(), "a\n1\nb\n2\n");
    assert_eq!(fs::read_to_string(once).unwrap(), "4\n");
}

#[test]
fn a_plan_is_a_tree() {
    let place = Place::new(ITEMS);
    let plan = place.answer(&[
        ".explain SELECT * FROM items WHERE id IN (SELECT 1 UNION SELECT id FROM items)",
    ]);
    assert!(plan.starts_with("QUERY PLAN\n├─ SEARCH items") && plan.contains("\n   └─ "), "{plan}");
    let plan = place.answer(&["-table", "EXPLAIN QUERY PLAN SELECT 1"]);
    assert_eq!(plan, "QUERY PLAN\n└─ SCAN CONSTANT ROW\n");
    let both = place.answer(&[".explain on", "SELECT 1"]);
    assert_eq!(both, "QUERY PLAN\n└─ SCAN CONSTANT ROW\n1\n");
}

#[test]
fn a_reader_that_goes_away_ends_a_result_without_end_and_is_no_error() {
    use std::io::{BufRead, BufReader};
    let place = Place::new(ITEMS);
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    for mode in ["-list", "-table", "-json"] {
        let mut child = program()
            .args(place.with(&[mode, endless]))
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.next().unwrap().is_ok());
        drop(lines);
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), text(&output.stderr)),
            (Some(0), String::new()),
            "{mode}"
        );
    }
}

#[test]
fn a_wrong_command_line_has_an_exit_code_of_its_own() {
    let output = run(["-nope"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("`-nope`"));
    assert!(answer(["-help"]).contains("-readonly"));
    assert_eq!(answer(["-version"]), format!("ubiqlite {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(answer(["-csv", ":memory:", "SELECT 1 AS a"]), "a\n1\n");
    assert_eq!(run([":memory:", ".exit 7"]).status.code(), Some(7));
}

#[test]
fn settings_change_what_they_name_and_nothing_else() {
    let place = Place::new(ITEMS);
    let two = "SELECT NULL, 'x'";
    for (settings, wanted) in [
        (&[".nullvalue -"][..], "-|x\n"),
        (&[".separator \" \""], " x\n"),
        (&[".mode tabs"], "\tx\n"),
        (&[".headers on"], "NULL|'x'\n|x\n"),
        (&[".mode csv", ".headers off", ".nullvalue x"], "x,\"x\"\n"),
        (&[".timer on"], "|x\n"),
        (&[".print  a 'b'"], "a 'b'\n|x\n"),
        (&[".mode insert t"], "INSERT INTO \"t\"(\"NULL\",\"'x'\") VALUES(NULL,'x');\n"),
    ] {
        assert_eq!(place.answer(&[settings, &[two]].concat()), wanted, "{settings:?}");
    }
    let output = run(place.with(&[".timer on", "SELECT 1"]));
    let took = text(&output.stderr);
    assert!(took.ends_with(" s\n") && took.starts_with("0."), "{took}");
    let cut = place.answer(&["-table", ".width 3", "SELECT 'abcdef' AS a"]);
    assert_eq!(cut, "┌─────┐\n│ a   │\n├─────┤\n│ ab… │\n└─────┘\n");
    let shown = place.answer(&["-readonly", ".mode json", ".show"]);
    assert!(shown.contains("mode: json\n") && shown.contains("app.db\n"), "{shown}");
    let databases = place.answer(&["ATTACH ':memory:' AS m", ".databases"]);
    assert!(databases.starts_with("main|/") && databases.ends_with("\nm|\n"), "{databases}");
    assert!(place.refusal(&[".mode nope"]).contains("markdown"));
    assert!(place.answer(&[".help backup"]).contains("-overwrite"));
}

#[test]
fn another_database_is_opened_when_no_transaction_is_open() {
    let place = Place::new(ITEMS);
    let other = place.file("other.db").display().to_string();
    let done = script(
        &place.file("app.db"),
        &format!(".open '{other}'\nCREATE TABLE t (a);\n.tables\nBEGIN;\n.open '{other}'\n"),
    );
    assert_eq!(text(&done.stdout), "t\n");
    assert!(text(&done.stderr).contains("COMMIT or ROLLBACK"), "{}", text(&done.stderr));
    assert_eq!(place.answer(&[".tables"]), "items\n");
}

#[test]
fn rows_of_a_long_script_are_all_there_and_a_wrong_one_among_them_has_its_line() {
    let place = Place::new("CREATE TABLE t (n INTEGER PRIMARY KEY, s);");
    let insert = |n: usize| format!("INSERT INTO t VALUES ({n}, 'a;\nb');\n");
    let rows: String = (0..20_000).map(insert).collect();
    let file = place.file("app.db");
    // Each row has two lines, and the first is the third of the script.
    let wrong = script(&file, &format!("\nBEGIN;\n{rows}INSERT INTO t\nVALUES (7, 1);\nCOMMIT;\n"));
    assert!(text(&wrong.stderr).starts_with("stdin:40003: UNIQUE"), "{}", text(&wrong.stderr));
    assert_eq!(place.answer(&["SELECT count(*) FROM t"]), "0\n");
    let returning = "INSERT INTO t VALUES (-1, 0) returning n;\nINSERT INTO t VALUES (-2, 0);\nSELECT count(*) FROM t;";
    let done = script(&file, &format!("BEGIN;\n{rows}{returning}\nCOMMIT;\n"));
    assert_eq!(text(&done.stdout), "-1\n20002\n", "{}", text(&done.stderr));
    // One that ends the transaction ends the script too.
    let lost = "BEGIN;\nINSERT INTO t VALUES (-3, 0);\nINSERT OR ROLLBACK INTO t VALUES (-1, 0);\nSELECT 'never';\n";
    let done = script(&file, lost);
    assert_eq!(text(&done.stdout), "");
    assert!(text(&done.stderr).contains("stdin:3: UNIQUE"), "{}", text(&done.stderr));
    // A table's own rule does it within a group: nothing of the group may stay.
    place.answer(&["CREATE TABLE r (n PRIMARY KEY ON CONFLICT ROLLBACK)"]);
    let lost = "BEGIN;\nINSERT INTO r VALUES (1);\nINSERT INTO r VALUES (1);\nINSERT INTO r VALUES (2);\nSELECT 1;\n";
    let done = script(&file, lost);
    assert_eq!((done.status.code(), text(&done.stdout)), (Some(1), String::new()));
    assert!(text(&done.stderr).contains("stdin:2: up to line 4: UNIQUE"), "{}", text(&done.stderr));
    assert_eq!(place.answer(&["SELECT count(*) FROM r"]), "0\n");
    assert_eq!(place.answer(&["SELECT count(*) FROM t"]), "20002\n");
}
