//! A terminal, with the shell in it and a screen that can be looked at.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) struct Terminal {
    child: Child,
    keys: File,
    screen: Arc<(Mutex<State>, Condvar)>,
}

struct State {
    parser: vt100::Parser,
    /// All that was written.
    bytes: Vec<u8>,
    over: bool,
}

impl Terminal {
    /// Starts a program in a terminal of this size.
    pub(crate) fn start(mut command: Command, rows: u16, columns: u16) -> Self {
        let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let (mut main, mut other) = (0, 0);
        // SAFETY: both numbers and the size are where they are said to be.
        let opened = unsafe {
            libc::openpty(
                &raw mut main,
                &raw mut other,
                std::ptr::null_mut(),
                std::ptr::null(),
                &raw const size,
            )
        };
        assert_eq!(opened, 0, "{}", std::io::Error::last_os_error());
        // SAFETY: the numbers are open and nobody else's.
        let (main, other) = unsafe { (OwnedFd::from_raw_fd(main), OwnedFd::from_raw_fd(other)) };
        command
            .stdin(other.try_clone().unwrap())
            .stdout(other.try_clone().unwrap())
            .stderr(other)
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR");
        // SAFETY: both calls may be made between fork and exec.
        unsafe {
            command.pre_exec(|| {
                if libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY as _, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        // It has the terminal's other end, which must not stay open here.
        drop(command);
        let parser = vt100::Parser::new(rows, columns, 10_000);
        let state = State { parser, bytes: Vec::new(), over: false };
        let screen = Arc::new((Mutex::new(state), Condvar::new()));
        let mut output = File::from(main.try_clone().unwrap());
        let seen = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                // When the program is gone this is an error.
                let read = output.read(&mut buffer).unwrap_or(0);
                let mut state = seen.0.lock().unwrap();
                state.parser.process(&buffer[..read]);
                state.bytes.extend_from_slice(&buffer[..read]);
                state.over = read == 0;
                seen.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        Self { child, keys: File::from(main), screen }
    }

    /// Types.
    pub(crate) fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Types a line.
    pub(crate) fn line(&mut self, line: &str) {
        self.keys(&format!("{line}\r"));
    }

    /// Waits until the screen is as wanted, and returns it.
    pub(crate) fn until(&self, what: &str, wanted: impl Fn(&vt100::Screen) -> bool) -> String {
        let by = Instant::now() + DEADLINE;
        let mut state = self.screen.0.lock().unwrap();
        loop {
            if wanted(state.parser.screen()) {
                return state.parser.screen().contents();
            }
            let left = by.saturating_duration_since(Instant::now());
            if left.is_zero() || state.over {
                let contents = state.parser.screen().contents();
                drop(state);
                panic!("no {what} on the screen:\n{contents}");
            }
            state = self.screen.1.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Waits until the screen has this text.
    pub(crate) fn shows(&self, text: &str) -> String {
        self.until(text, |screen| screen.contents().contains(text))
    }

    /// Waits until the cursor is behind this prompt, in an empty line.
    pub(crate) fn prompt(&self, prompt: &str) -> String {
        self.until(prompt, |screen| at_prompt(screen, prompt))
    }

    /// Runs a line up to the next prompt, on a clear screen.
    pub(crate) fn run(&mut self, line: &str, prompt: &str) -> String {
        self.clear();
        self.line(line);
        self.until(prompt, |screen| at_prompt(screen, prompt) && screen.cursor_position().0 > 0)
    }

    /// Clears the screen, with Ctrl-L.
    pub(crate) fn clear(&mut self) {
        self.until("prompt", at_any_prompt);
        self.keys("\x0c");
        self.until("clear screen", |screen| {
            screen.cursor_position().0 == 0 && at_any_prompt(screen)
        });
    }

    /// Returns all that was written so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.screen.0.lock().unwrap().bytes.clone()
    }

    /// Looks at the screen itself.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.screen.0.lock().unwrap().parser.screen())
    }

    /// Leaves with Ctrl-D, and returns the exit code.
    pub(crate) fn leave(mut self) -> Option<i32> {
        // Earlier it would be the end of what is typed while a statement runs.
        self.until("prompt", at_any_prompt);
        self.keys("\x04");
        let by = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < by, "it does not leave");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

fn at_prompt(screen: &vt100::Screen, prompt: &str) -> bool {
    let (row, column) = screen.cursor_position();
    let line = screen.rows(0, screen.size().1).nth(row.into()).unwrap_or_default();
    line.trim_end() == prompt.trim_end() && usize::from(column) == prompt.chars().count()
}

fn at_any_prompt(screen: &vt100::Screen) -> bool {
    let row = screen.cursor_position().0;
    let line = screen.rows(0, screen.size().1).nth(row.into()).unwrap_or_default();
    line.trim_end().ends_with('>') && at_prompt(screen, &format!("{} ", line.trim_end()))
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
