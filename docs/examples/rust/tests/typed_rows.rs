//! The guide's page about generated code.
#![allow(clippy::unwrap_used, reason = "a test's helper fails as the test does")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use ubiqlite::{Database, Migrations};

#[rustfmt::skip]
#[path = "typed_rows/items.rs"]
mod items;

/// The schema and the queries of the guide.
fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../gen")
}

async fn fresh() -> ubiqlite::Result<(tempfile::TempDir, Database)> {
    let dir = tempfile::tempdir().unwrap();
    let migrations = Migrations::dir(example().join("migrations"))?;
    let db = Database::options().migrations(migrations).open(dir.path().join("app.db")).await?;
    Ok((dir, db))
}

#[tokio::test]
async fn generated_functions_run_on_a_database_and_in_a_transaction() -> ubiqlite::Result<()> {
    let (_dir, db) = fresh().await?;
    // #region use
    let lamp = items::add_item(&db, "lamp", Some(19.9)).await?;
    let cheap = items::cheap(&db, 20.0, 10).await?; // Vec<items::CheapRow>
    for item in &cheap {
        println!("{}: {:?}", item.name, item.price); // lamp: Some(19.9)
    }
    let mut tx = db.begin().await?;
    items::sell_item(&mut tx, cheap[0].id).await?; // 1
    tx.commit().await?;
    // #endregion use
    assert_eq!(cheap.iter().map(|it| Some(it.id)).collect::<Vec<_>>(), [lamp.map(|it| it.id)]);
    let item = items::get_item(&db, cheap[0].id).await?;
    let wanted = items::Items {
        id: cheap[0].id,
        name: "lamp".to_owned(),
        price: Some(19.9),
        photo: None,
        sold: true,
    };
    assert_eq!(item, Some(wanted));
    assert_eq!(items::get_item(&db.snapshot().await?, 99).await?, None);
    items::add_part(&db, cheap[0].id, "bulb").await?;
    let count = items::CountPartsRow { name: Some("lamp".to_owned()), parts: 1 };
    assert_eq!(items::count_parts(&db).await?, [count]);
    assert_eq!(items::dearest(&db).await?.and_then(|it| it.price), Some(19.9));
    // What a task runs has to be sent there.
    let other = db.clone();
    assert_eq!(
        tokio::spawn(async move { items::count_parts(&other).await }).await.unwrap()?.len(),
        1
    );
    db.close().await
}

fn generate(arguments: &[&Path]) -> u8 {
    let all = arguments.iter().map(|it| it.as_os_str().to_owned());
    ubiqlite_shell::run(std::iter::once(OsString::from("gen")).chain(all))
}

#[test]
fn the_generated_files_of_every_language_are_what_is_generated_today() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (schema, queries) = (example().join("migrations"), example().join("queries.sql"));
    let rust = root.join("tests/typed_rows/items.rs");
    let python = root.join("../python/items.py");
    let typescript = root.join("../js/items.ts");
    let kotlin =
        root.join("../../../bindings-ffi/kotlin/ubiqlite/src/test/kotlin/guide/items/Items.kt");
    let outputs = [("-rust", rust), ("-python", python), ("-ts", typescript), ("-kotlin", kotlin)];
    let package = ["-package", "guide.items"].map(Path::new);
    let mut arguments: Vec<&Path> = vec![&schema, &queries, package[0], package[1]];
    for (option, path) in &outputs {
        arguments.extend([Path::new(option), path.as_path()]);
    }
    // With this variable they are written instead.
    if env::var_os("UBIQLITE_GENERATE").is_none() {
        arguments.push(Path::new("-check"));
    }
    assert_eq!(generate(&arguments), 0);

    let hostile = root.join("../../../tests/gen");
    let (schema, queries) = (hostile.join("hostile.sql"), hostile.join("hostile-queries.sql"));
    let folder = "src/test/kotlin/io/github/ubiqlite/generated/Hostile.kt";
    let kotlin = root.join("../../../bindings-ffi/kotlin/ubiqlite").join(folder);
    let mut hostile = vec![schema.as_path(), &queries, Path::new("-kotlin"), &kotlin];
    hostile.extend(["-package", "io.github.ubiqlite.generated"].map(Path::new));
    hostile.extend(arguments.last().filter(|it| **it == Path::new("-check")));
    assert_eq!(generate(&hostile), 0);
}

/// Compiles a program that uses a module, with one pair of the libraries that cargo has built.
fn compiled(program: &Path, libraries: &[PathBuf; 2]) -> Output {
    let folder = libraries[0].parent().unwrap();
    let name = |name: &str, at: usize| format!("{name}={}", libraries[at].display());
    Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "-Dwarnings", "-L"])
        .arg(format!("dependency={}", folder.display()))
        .args(["--extern", &name("ubiqlite", 0), "--extern", &name("serde", 1), "-o"])
        .arg(program.with_extension("rmeta"))
        .arg(program)
        .output()
        .unwrap()
}

/// Returns the libraries of this name that cargo has built, the newest first.
fn built(name: &str) -> Vec<PathBuf> {
    let folder = env::current_exe().unwrap().parent().unwrap().to_owned();
    let is_one = |path: &PathBuf| {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        file.strip_prefix(name).is_some_and(|rest| rest.starts_with('-') && rest.ends_with(".rlib"))
    };
    let mut found: Vec<_> =
        fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).filter(is_one).collect();
    found.sort_by_key(|it| fs::metadata(it).and_then(|it| it.modified()).unwrap());
    found.reverse();
    found
}

#[test]
fn a_renamed_column_breaks_the_build_and_hostile_names_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name);
    let (schema, queries) = (file("schema.sql"), file("queries.sql"));
    let sql = fs::read_to_string(example().join("migrations/0001_items.sql")).unwrap();
    let asked = fs::read_to_string(example().join("queries.sql")).unwrap();
    let program = file("program.rs");
    let text = "#![allow(missing_docs)]\npub mod generated;\n\
        pub async fn price(db: &ubiqlite::Database) -> ubiqlite::Result<Option<f64>> {\n    \
        Ok(generated::get_item(db, 1).await?.and_then(|item| item.price))\n}\n";
    fs::write(&program, text).unwrap();
    let write = |sql: &str, asked: &str| {
        fs::write(&schema, sql).unwrap();
        fs::write(&queries, asked).unwrap();
        generate(&[&schema, &queries, Path::new("-rust"), &file("generated.rs")])
    };
    assert_eq!(write(&sql, &asked), 0);
    let pairs = built("libubiqlite").into_iter().flat_map(|library| {
        built("libserde").into_iter().map(move |serde| [library.clone(), serde])
    });
    let mut told = String::new();
    let libraries = pairs.into_iter().find(|pair| {
        let output = compiled(&program, pair);
        told = String::from_utf8_lossy(&output.stderr).into_owned();
        output.status.success()
    });
    let libraries = libraries.expect(&told);

    let renamed = |text: &str| text.replace("price", "cost");
    assert_eq!(write(&renamed(&sql), &renamed(&asked)), 0);
    let output = compiled(&program, &libraries);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("no field `price`"), "{told}");

    let hostile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/gen");
    let read = |name: &str| fs::read_to_string(hostile.join(name)).unwrap();
    assert_eq!(write(&read("hostile.sql"), &read("hostile-queries.sql")), 0);
    fs::write(&program, "#![allow(missing_docs)]\npub mod generated;\n").unwrap();
    let output = compiled(&program, &libraries);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
