//! The command line of a subject.

use std::path::PathBuf;

use crate::Result;

/// `SUBJECT-BIN WORK DB_PATH [--n N] [--quick] [--readers N]`.
#[derive(Debug, Clone)]
pub struct Args {
    /// The workload to run.
    pub work: String,
    /// The database file.
    pub path: PathBuf,
    /// How many connections the subject may read with.
    pub readers: usize,
    n: Option<u64>,
    quick: bool,
}

impl Args {
    /// Reads the process's arguments.
    ///
    /// # Errors
    ///
    /// A missing or unknown argument, with the usage.
    pub fn parse() -> Result<Self> {
        let mut rest = std::env::args().skip(1);
        let (Some(work), Some(path)) = (rest.next(), rest.next()) else {
            return Err("usage: SUBJECT-BIN WORK DB_PATH [--n N] [--quick] [--readers N]".into());
        };
        let mut args = Self { work, path: path.into(), readers: 4, n: None, quick: false };
        while let Some(name) = rest.next() {
            let mut number = || {
                let value = rest.next().ok_or(format!("{name} needs a number"))?;
                Ok::<u64, crate::Error>(value.parse()?)
            };
            match name.as_str() {
                "--n" => args.n = Some(number()?),
                "--readers" => args.readers = usize::try_from(number()?)?,
                "--quick" => args.quick = true,
                other => return Err(format!("unknown argument {other}").into()),
            }
        }
        Ok(args)
    }

    /// Returns the number of operations: `--n`, or else `usual`, or a tenth of it when quick.
    #[must_use]
    pub fn n(&self, usual: u64) -> u64 {
        let usual = if self.quick { usual / 10 } else { usual };
        self.n.unwrap_or(usual).max(1)
    }

    /// Returns the error for a work that this subject does not have.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn unknown_work(&self) -> Result<()> {
        Err(format!("this subject has no work named {}", self.work).into())
    }
}
