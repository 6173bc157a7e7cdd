//! The end comes at every moment of 40 migrations: the database then has the first so many of them,
//! each whole and noted, and the next program applies the others.

use ubiqlite::{Database, Migrations, Result, Row};

use crate::crash_points::every_kind;
use crate::disk::{Disk, Image};
use crate::wait;

const VFS: &str = "migrations";
const NAME: &str = "migrated.db";
const COUNT: i64 = 40;

/// Each makes a table, writes into the one before it, and gives that another form.
fn migrations() -> Migrations {
    let file = |number: i64| {
        let before = number - 1;
        let mut text = format!(
            "-- rebuild: t{before}\nCREATE TABLE t{number} (id INTEGER PRIMARY KEY, pad TEXT);\n\
             INSERT INTO t{number} VALUES (1, hex(zeroblob(900)));\n"
        );
        if number == 1 {
            text = text.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap();
        } else {
            text.push_str(&format!(
                "INSERT INTO t{before} VALUES (2, '{number}');\n\
                 CREATE TABLE t{before} (id INTEGER PRIMARY KEY, pad TEXT NOT NULL, more INTEGER);\n"
            ));
        }
        (format!("{number:04}_step.sql"), text)
    };
    Migrations::new((1..=COUNT).map(file)).unwrap()
}

fn open(migrations: Option<Migrations>) -> Result<Database> {
    let options = Database::options().vfs(VFS).cache_kib(1);
    match migrations {
        Some(migrations) => wait(options.migrations(migrations).open_single_thread_migrated(NAME)),
        None => options.open_single_thread(NAME),
    }
}

/// Returns how many migrations the database has, or what is wrong with it.
async fn prefix(db: &Database) -> std::result::Result<i64, String> {
    let words = |error: ubiqlite::Error| error.to_string();
    let sound: String = db.query_value("PRAGMA integrity_check", ()).await.map_err(words)?;
    if sound != "ok" {
        return Err(sound);
    }
    let ledger = match db
        .query_one::<Row>(
            "SELECT count(*), max(id), count(applied_at) FROM ubiqlite_migrations",
            (),
        )
        .await
    {
        Ok(row) => row,
        Err(error) if error.kind() == ubiqlite::ErrorKind::NoSuchTable => return Ok(0),
        Err(error) => return Err(error.to_string()),
    };
    let count: i64 = ledger.get(0).map_err(words)?;
    let (last, applied): (Option<i64>, i64) =
        (ledger.get(1).map_err(words)?, ledger.get(2).map_err(words)?);
    if last.unwrap_or(0) != count || applied != count {
        return Err(format!("the ledger has {count} up to {last:?}, {applied} of them applied"));
    }
    for number in 1..=COUNT + 1 {
        let sql = "SELECT sql FROM sqlite_schema WHERE name = ?";
        let table =
            db.query_optional::<(String,)>(sql, (format!("t{number}"),)).await.map_err(words)?;
        let Some((form,)) = table else {
            if number <= count {
                return Err(format!("t{number} is missing, of {count}"));
            }
            continue;
        };
        if number > count {
            return Err(format!("t{number} is there, of {count}"));
        }
        let rows: i64 =
            db.query_value(&format!("SELECT count(*) FROM t{number}"), ()).await.map_err(words)?;
        let rebuilt = number < count;
        if form.contains("more") != rebuilt || rows != 1 + i64::from(rebuilt) {
            return Err(format!("t{number} of {count} has {rows} rows: {form}"));
        }
    }
    let left = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'ubiqlite_rebuild%'";
    match db.query_value::<i64>(left, ()).await.map_err(words)? {
        0 => Ok(count),
        left => Err(format!("{left} tables of a rebuild are left")),
    }
}

/// Returns what is wrong with the files that a crash has left, if anything; otherwise how many
/// migrations they have.
fn examine(disk: &Disk, image: &Image) -> std::result::Result<i64, String> {
    disk.insert(image);
    let db = open(None).map_err(|error| format!("it does not open: {error}"))?;
    let found = wait(prefix(&db));
    wait(db.close()).unwrap();
    let found = found?;
    let db = open(Some(migrations())).map_err(|error| format!("it does not go on: {error}"))?;
    let after = wait(prefix(&db));
    wait(db.close()).unwrap();
    match after? {
        COUNT => Ok(found),
        after => Err(format!("after going on from {found} it has {after}")),
    }
}

/// All changes of the disk with `UBIQLITE_EVERY=1`.
#[test]
fn every_crash_leaves_the_first_so_many_migrations() {
    let every = std::env::var("UBIQLITE_EVERY").map_or(11, |every| every.parse().unwrap());
    let disk = Disk::default();
    ubiqlite::ext::vfs::register(VFS, disk.clone()).unwrap();
    let (mut wrong, mut crashes, mut seen) = (Vec::new(), 0, std::collections::BTreeSet::new());
    for at in (0..).step_by(every) {
        disk.insert(&Image::new());
        disk.crash_at(at);
        if let Ok(db) = open(Some(migrations())) {
            let _ = wait(db.close());
        }
        if !disk.has_crashed() {
            break;
        }
        let kinds = every_kind(at);
        let images: Vec<_> = kinds.into_iter().map(|kind| (kind, disk.image(kind))).collect();
        for (kind, image) in images {
            crashes += 1;
            match examine(&disk, &image) {
                Ok(found) => {
                    seen.insert(found);
                }
                Err(what) => wrong.push(format!("change {at}, {kind:?}: {what}")),
            }
        }
    }
    println!("{crashes} crashes, which left {} different numbers of migrations", seen.len());
    assert!(wrong.is_empty(), "{} of {crashes} crashes:\n{}", wrong.len(), wrong.join("\n"));
    assert!(crashes >= 100 && seen.len() >= 20, "only {crashes} crashes, {seen:?}");
}
