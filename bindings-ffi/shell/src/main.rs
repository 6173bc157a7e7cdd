//! The shell as a program of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(ubiqlite_shell::run(std::env::args_os().skip(1)))
}
