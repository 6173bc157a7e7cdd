//! Measuring: in each round every work, in each work every subject, one right
//! after another, so that what changes on the machine changes for all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;

use super::Places;
use super::figures::Figures;
use super::options::Options;
use super::programs::{self, Program};
use super::works::{Data, WORKS, Work};
use crate::process::Run;

/// Runs all rounds.
pub(crate) fn measure(
    places: &Places,
    options: &Options,
    programs: &[Program],
) -> anyhow::Result<Figures> {
    let data = DataSet::make(places)?;
    let can_pin = Run::new("taskset").args(["-c", "0", "true"]).succeeds();
    if !can_pin {
        println!("no `taskset` here: the works on one core are left out");
    }
    let works: Vec<&Work> = WORKS
        .iter()
        .filter(|work| options.has_work(work.name) && (can_pin || !work.pinned))
        .collect();
    let mut figures = Figures::default();
    for round in 1..=options.rounds {
        for work in &works {
            println!("round {round}/{}: {}", options.rounds, work.name);
            for program in programs {
                if work.whose.includes(program.subject.name) {
                    one(&data, work, program, options, &mut figures)?;
                }
            }
        }
    }
    Ok(figures)
}

fn one(
    data: &DataSet,
    work: &Work,
    program: &Program,
    options: &Options,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let subject = program.subject.name;
    let run = if work.pinned {
        Run::new("taskset").args(["-c", "0"]).arg(&program.path)
    } else {
        Run::new(&program.path)
    };
    let quick = options.quick.then_some("--quick");
    // On one core a second connection only pushes the first out of the caches.
    let readers: &[&str] = if work.pinned { &["--readers", "1"] } else { &[] };
    let output = run
        .arg(work.run_as)
        .arg(data.prepare(work.data)?)
        .args(quick)
        .args(readers)
        .answer()
        .with_context(|| format!("{subject} fails in {}", work.name))?;
    for line in output.lines() {
        let (name, unit, value) =
            read(line).with_context(|| format!("{subject} printed {line:?}"))?;
        // A work that runs under another name prints the other one.
        let name = if name == work.run_as { work.name } else { &name };
        println!("  {subject:<16} {name} {value} {unit}");
        figures.add(name, subject, &unit, value);
    }
    Ok(())
}

/// A figure as the subjects print it: `{"work":..,"unit":..,"value":..}`.
fn read(line: &str) -> Option<(String, String, f64)> {
    let figure: Value = serde_json::from_str(line).ok()?;
    let text = |key: &str| Some(figure.get(key)?.as_str()?.to_owned());
    Some((text("work")?, text("unit")?, figure.get("value")?.as_f64()?))
}

/// The databases of the run, in a folder that goes with it.
struct DataSet {
    folder: PathBuf,
}

impl DataSet {
    fn make(places: &Places) -> anyhow::Result<Self> {
        let folder = places.data.clone();
        // What a run that was stopped has left.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let set = Self { folder };
        Run::new(programs::maker(places)?.path)
            .arg("create")
            .arg(set.items())
            .answer()
            .context("cannot make the data set")?;
        Ok(set)
    }

    fn items(&self) -> PathBuf {
        self.folder.join("items.db")
    }

    /// The file for one run of a work, as if nobody had run before.
    fn prepare(&self, data: Data) -> anyhow::Result<PathBuf> {
        let own = self.folder.join("own.db");
        for suffix in ["", "-wal", "-shm"] {
            // Most of the time there is none.
            let _ = fs::remove_file(self.folder.join(format!("own.db{suffix}")));
        }
        match data {
            Data::Shared => Ok(self.items()),
            Data::Empty => Ok(own),
            Data::Copy => {
                copy(&self.items(), &own)?;
                Ok(own)
            }
        }
    }
}

/// Copies, and waits for the disk: nothing is written back while it is measured.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy to {}", to.display()))?;
    Ok(File::open(to)?.sync_all()?)
}

impl Drop for DataSet {
    fn drop(&mut self) {
        // Nobody needs it; the next run removes what this one could not.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_subject_is_read_and_anything_else_is_refused() {
        let line = r#"{"work":"point_read","unit":"us","value":2.5}"#;
        let figure = read(line).unwrap();
        assert_eq!(figure, ("point_read".to_owned(), "us".to_owned(), 2.5));
        assert!(read("point_read 2.5").is_none());
        assert!(read(r#"{"work":"point_read","unit":"us"}"#).is_none());
    }
}
