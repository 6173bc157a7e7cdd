//! A file that Toasty's own driver for SQLite has written is read by ubiqlite's, and the other way.

use tempfile::TempDir;
use toasty::Db;
use toasty_core::driver::{ConnectContext, Driver};
use toasty_core::schema::db::Migration;
use toasty_driver_sqlite::Sqlite;
use ubiqlite::Database;
use ubiqlite_toasty::Ubiqlite;

#[derive(Debug, Clone, PartialEq, toasty::Model)]
struct Item {
    #[key]
    id: u64,
    name: String,
    watt: Option<f64>,
    used: bool,
    picture: Vec<u8>,
    tags: Vec<String>,
    small: i8,
    bought: jiff::Timestamp,
}

fn item(id: u64) -> Item {
    Item {
        id,
        name: "Zoë's lamp".to_owned(),
        watt: (id > 1).then_some(0.1),
        used: id == 1,
        picture: vec![0, 255],
        tags: vec!["a".to_owned(), "\"b\"".to_owned()],
        small: -128,
        bought: "2026-11-30T23:59:59.123456Z".parse().unwrap(),
    }
}

async fn on(driver: impl Driver) -> Db {
    Db::builder().models(toasty::models!(Item)).build(driver).await.unwrap()
}

async fn write(db: &mut Db, item: Item) {
    Item::create()
        .id(item.id)
        .name(item.name)
        .watt(item.watt)
        .used(item.used)
        .picture(item.picture)
        .tags(item.tags)
        .small(item.small)
        .bought(item.bought)
        .exec(db)
        .await
        .unwrap();
}

#[tokio::test]
async fn each_driver_reads_what_the_other_has_written() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("items.db");
    let mut theirs = on(Sqlite::open(&path)).await;
    theirs.push_schema().await.unwrap();
    write(&mut theirs, item(1)).await;

    let mut ours = on(Ubiqlite::new(Database::open(&path).await.unwrap())).await;
    write(&mut ours, item(u64::MAX)).await;
    for db in [&mut theirs, &mut ours] {
        for id in [1, u64::MAX] {
            assert_eq!(Item::get_by_id(db, &id).await.unwrap(), item(id));
        }
    }
}

#[tokio::test]
async fn each_driver_finds_the_migrations_that_the_other_has_applied() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("items.db");
    let ours = Ubiqlite::new(Database::open(&path).await.unwrap());
    let drivers: [&dyn Driver; 2] = [&Sqlite::open(&path), &ours];
    for (number, driver) in drivers.into_iter().enumerate() {
        let mut connection = driver.connect(&ConnectContext::default()).await.unwrap();
        let applied = connection.applied_migrations().await.unwrap();
        assert_eq!(applied.len(), number);
        let migration = Migration::new_sql(format!("CREATE TABLE t{number} (x)"));
        connection.apply_migration(u64::MAX - number as u64, "t", &migration).await.unwrap();
    }
    let mut connection = drivers[0].connect(&ConnectContext::default()).await.unwrap();
    let applied = connection.applied_migrations().await.unwrap();
    let ids: std::collections::BTreeSet<_> = applied.iter().map(|it| it.id()).collect();
    assert_eq!(ids, [u64::MAX, u64::MAX - 1].into());
}
