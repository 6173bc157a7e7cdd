//! Waits until somebody has written to a file, in any process.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod polling;

#[cfg(target_os = "linux")]
pub(crate) use linux::FileWatch;
#[cfg(not(target_os = "linux"))]
pub(crate) use polling::FileWatch;

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The file was written to.
    Written,
    /// Some time has passed: it may have been.
    Waited,
    /// [`FileWatch::stop`] was called.
    Stopped,
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_write_and_a_stop_end_the_wait() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "one").unwrap();
        let watch = Arc::new(FileWatch::new(&[&path]).unwrap());
        let waits = Arc::clone(&watch);
        let (seen, written) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            loop {
                match waits.wait() {
                    Woken::Written => seen.send(()).unwrap(),
                    Woken::Waited => {}
                    Woken::Stopped => return waits.is_stopped(),
                }
            }
        });
        std::fs::write(&path, "two").unwrap();
        if cfg!(target_os = "linux") {
            written.recv_timeout(Duration::from_secs(30)).unwrap();
        }
        let start = Instant::now();
        watch.stop();
        assert!(thread.join().unwrap());
        assert!(start.elapsed() < Duration::from_secs(5));
        drop(written);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn after_one_write_the_next_ones_are_reported_once_it_is_armed_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, later) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&path, "one").unwrap();
        let watch = FileWatch::new(&[&path, &later]).unwrap();
        for text in ["two", "three", "four"] {
            std::fs::write(&path, text).unwrap();
        }
        assert_eq!(watch.wait(), Woken::Written);
        std::fs::write(&path, "five").unwrap();
        assert_eq!(watch.wait(), Woken::Waited);
        std::fs::write(&later, "one").unwrap();
        watch.arm();
        std::fs::write(&later, "two").unwrap();
        assert_eq!(watch.wait(), Woken::Written, "a file that is made later");
        assert!(!watch.is_stopped());
    }
}
