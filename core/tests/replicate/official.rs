//! The files of a replica are read by the tools that the format and its layout come from.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ubiqlite::ReplicaMoment;

use super::{Place, flush, pages, within};

/// The tool that the environment names: `cargo xtask test rust` builds `ltx` where there is Go, and
/// `cargo xtask test litestream` the other one.
fn tool(variable: &str) -> Option<PathBuf> {
    let tool = std::env::var_os(variable).map(PathBuf::from);
    if tool.is_none() {
        println!("skipped: {variable} names no tool");
    }
    tool
}

fn run(tool: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(tool).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    output
}

async fn replica(place: &Place) -> Vec<u8> {
    let replica = place.replicate().await;
    flush(&replica).await;
    for round in 0..20 {
        place.insert(1 + round * 3_000).await;
        if round % 5 == 4 {
            place.db.execute("DELETE FROM items WHERE id % 2 = 0", ()).await.unwrap();
            place.db.execute("VACUUM", ()).await.unwrap();
        }
        flush(&replica).await;
    }
    let pages = pages(&place.db).await;
    within("closing", place.db.close()).await.unwrap();
    pages
}

#[tokio::test]
async fn the_official_tool_verifies_lists_and_applies_the_files() {
    let Some(tool) = tool("UBIQLITE_LTX") else { return };
    let place = Place::new().await;
    let pages = replica(&place).await;
    let mut files = place.files();
    // The one with all pages first.
    files.sort_by_key(|name| name.starts_with("0/"));
    let paths: Vec<String> = files
        .iter()
        .map(|name| place.path("replica/ltx").join(name).to_str().unwrap().to_owned())
        .collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    run(&tool, &[&["verify"], paths.as_slice()].concat());
    let listed = run(&tool, &[&["list"], paths.as_slice()].concat()).stdout;
    assert!(String::from_utf8_lossy(&listed).lines().count() > files.len());
    let applied = place.path("applied.db");
    run(&tool, &[&["apply", "-db", applied.to_str().unwrap()], paths.as_slice()].concat());
    assert!(std::fs::read(applied).unwrap() == pages);
}

#[tokio::test]
async fn litestream_restores_what_we_do_at_each_moment() {
    let Some(tool) = tool("UBIQLITE_LITESTREAM") else { return };
    let place = Place::new().await;
    let pages = replica(&place).await;
    let source = format!("file://{}", place.path("replica").display());
    let restored = |name: &str, more: &[&str]| {
        let to = place.path(name);
        run(&tool, &[&["restore", "-o", to.to_str().unwrap()], more, &[&*source]].concat());
        std::fs::read(to).unwrap()
    };
    assert!(restored("newest.db", &[]) == pages);
    let last = place
        .files()
        .iter()
        .filter_map(|name| u64::from_str_radix(name.get(19..35)?, 16).ok())
        .max()
        .unwrap();
    for transaction in [2, last / 2, last] {
        let name = format!("{transaction:016x}");
        let theirs = restored(&name, &["-txid", &name]);
        let ours = place.restored(ReplicaMoment::Transaction(transaction)).await.unwrap();
        assert!(theirs == ours, "transaction {transaction} of {last}");
    }
}
