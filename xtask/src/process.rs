//! Runs other programs: visibly, with their command line, or quietly for their output.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::evidence::Evidence;

/// How long to wait for the output of a program that has ended: processes that it started
/// and left running may hold its pipe.
const REST: Duration = Duration::from_secs(2);

/// One program to run, with its arguments and its changes to the environment.
pub(crate) struct Run {
    command: Command,
    line: String,
}

impl Run {
    /// Makes a run of `program`, which is found on the PATH unless it is a path.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program.as_ref());
        for (name, _) in std::env::vars_os() {
            if is_of_outer_package(&name) {
                command.env_remove(name);
            }
        }
        Self { command, line: quoted(program.as_ref()) }
    }

    /// Makes a run of the cargo that runs this program.
    pub(crate) fn cargo() -> Self {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut run = Self::new(program);
        run.line = "cargo".to_owned();
        run
    }

    /// Adds one argument.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.line.push(' ');
        self.line.push_str(&quoted(arg.as_ref()));
        self.command.arg(arg);
        self
    }

    /// Adds several arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// Sets an environment variable, and shows it in the command line.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.line = format!("{name}={} {}", quoted(value.as_ref()), self.line);
        self.command.env(name, value);
        self
    }

    /// Removes an environment variable.
    pub(crate) fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs in `dir`.
    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Prints the command line, then runs with this process's input and output. If the output
    /// is not a terminal, the error contains the lines that say why.
    pub(crate) fn run(mut self) -> anyhow::Result<()> {
        println!("$ {}", self.line);
        if !io::stdout().is_terminal() {
            return self.run_copied();
        }
        let status =
            self.command.status().with_context(|| format!("cannot run `{}`", self.line))?;
        check(status, &self.line)
    }

    /// Runs with its output copied to this process's.
    fn run_copied(mut self) -> anyhow::Result<()> {
        let (output, write) = io::pipe()?;
        self.command.stdout(write.try_clone()?).stderr(write);
        let mut child =
            self.command.spawn().with_context(|| format!("cannot run `{}`", self.line))?;
        // The command holds this process's ends of the pipe.
        drop(self.command);
        let (done, evidence) = mpsc::channel();
        thread::spawn(move || {
            let mut evidence = Evidence::default();
            // Output that cannot be copied is just not shown.
            let _ = evidence.copy(output, io::stdout());
            let _ = done.send(evidence);
        });
        let status = child.wait()?;
        let evidence = evidence.recv_timeout(REST).unwrap_or_default();
        check(status, &self.line).map_err(|error| {
            let why = evidence.lines().map(|line| format!("\n  | {line}"));
            anyhow::Error::msg(error.to_string() + &why.collect::<String>())
        })
    }

    /// As [`Run::run`], but ends the program when it takes longer than `limit`.
    pub(crate) fn run_within(mut self, limit: Duration) -> anyhow::Result<()> {
        println!("$ {}", self.line);
        let mut child =
            self.command.spawn().with_context(|| format!("cannot run `{}`", self.line))?;
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = child.try_wait()? {
                return check(status, &self.line);
            }
            if Instant::now() >= end {
                // It may have ended by itself in the meantime, which is just as good.
                let _ = child.kill();
                child.wait()?;
                bail!("`{}` took longer than {} s", self.line, limit.as_secs());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs quietly with no input and returns its output.
    pub(crate) fn answer(self) -> anyhow::Result<String> {
        self.answer_to("")
    }

    /// Runs quietly with `input` and returns its output.
    ///
    /// `input` must be small: it is written whole before any output is read.
    pub(crate) fn answer_to(mut self, input: &str) -> anyhow::Result<String> {
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run `{}`", self.line))?;
        if let Some(mut pipe) = child.stdin.take() {
            // A program that does not read its input closes it: its status says enough.
            let _ = pipe.write_all(input.as_bytes());
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            bail!("`{}` failed: {}", self.line, errors.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs quietly, which must fail, and returns what it says.
    pub(crate) fn refusal(mut self) -> anyhow::Result<String> {
        let output =
            self.command.output().with_context(|| format!("cannot run `{}`", self.line))?;
        if output.status.success() {
            bail!("`{}` has not failed", self.line);
        }
        let told = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&told).into_owned())
    }

    /// Runs quietly and returns whether it succeeded; a missing program did not.
    pub(crate) fn succeeds(self) -> bool {
        self.answer().is_ok()
    }
}

fn check(status: ExitStatus, line: &str) -> anyhow::Result<()> {
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Returns whether `cargo run` set the variable to describe this package. A cargo
/// started from here describes other packages, and a build script that finds a
/// stale description would believe it.
fn is_of_outer_package(name: &OsString) -> bool {
    name.to_str().is_some_and(|name| {
        name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "OUT_DIR"
    })
}

/// Quotes `word` for a POSIX shell, so that a printed line can be run again.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_line_can_be_pasted_into_a_shell() {
        let run =
            Run::new("cargo").args(["test", "a b", "it's", ""]).env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(run.line, r"RUSTDOCFLAGS='-D warnings' cargo test 'a b' 'it'\''s' ''");
    }

    #[test]
    fn a_missing_program_is_an_answer_and_not_a_panic() {
        assert!(!Run::new("no-such-program-of-ubiqlite").succeeds());
    }

    #[test]
    fn the_outer_package_is_forgotten_and_the_cargo_home_kept() {
        for (name, outer) in
            [("CARGO_PKG_NAME", true), ("CARGO_MANIFEST_DIR", true), ("CARGO_HOME", false)]
        {
            assert_eq!(is_of_outer_package(&name.into()), outer, "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_hangs_is_ended_at_its_limit() {
        let begin = Instant::now();
        let ended = Run::new("sleep").arg("30").run_within(Duration::from_millis(100));
        assert!(ended.is_err());
        assert!(begin.elapsed() < Duration::from_secs(10));
    }
}
