//! The browsers that the tests drive, and their drivers.

use crate::{find, install};

/// The Debian packages that the tests need, each with the possible names of its program.
const NEEDED: &[(&str, &[&str])] = &[
    ("chromium", &["chromium", "chromium-browser", "google-chrome"]),
    ("firefox-esr", &["firefox-esr", "firefox"]),
    // The driver depends on the library, and that on its MiniBrowser.
    ("webkit2gtk-driver", &["WebKitWebDriver"]),
    ("xvfb", &["Xvfb"]),
];

/// Installs those that are missing.
pub(crate) fn setup() -> anyhow::Result<()> {
    let missing: Vec<&str> = NEEDED
        .iter()
        .filter(|(_, programs)| !programs.iter().any(|name| find::on_path(name).is_some()))
        .map(|(package, _)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let pattern = format!("^({})$", missing.join("|"));
    install::apt(&missing.join(", "), &pattern, |known| {
        let all = missing.iter().all(|package| known.iter().any(|name| name == package));
        all.then(|| missing.iter().map(|package| (*package).to_owned()).collect())
    })
}
