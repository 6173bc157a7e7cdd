//! Maven, and the JDK that it runs on.

use anyhow::Context;

use crate::process::Run;
use crate::{find, install};

/// The oldest Java that the library runs on, and so the tools too.
const JAVA: u32 = 11;

/// Installs Maven and a JDK if they are missing.
pub(crate) fn setup() -> anyhow::Result<()> {
    if find::on_path(MVN).is_some() && java().is_some_and(|major| major >= JAVA) {
        return Ok(());
    }
    install::apt(
        &format!("Maven and a JDK of Java {JAVA} or newer"),
        "^(maven|default-jdk-headless)$",
        |known| {
            let wanted = ["maven", "default-jdk-headless"].map(str::to_owned);
            wanted.iter().all(|name| known.contains(name)).then(|| wanted.to_vec())
        },
    )?;
    java().filter(|major| *major >= JAVA).with_context(|| {
        format!(
            "the `javac` on the PATH is older than Java {JAVA}, or missing: install a JDK by hand"
        )
    })?;
    Ok(())
}

/// Makes a run of Maven that only prints what is wrong.
pub(crate) fn mvn() -> Run {
    Run::new(MVN).args(["--quiet", "--batch-mode"])
}

/// On Windows Maven is a batch file, which is found only by its full name.
const MVN: &str = if cfg!(windows) { "mvn.cmd" } else { "mvn" };

/// Returns the version of the JDK on the PATH.
pub(crate) fn java() -> Option<u32> {
    major(&Run::new("javac").arg("-version").answer().ok()?)
}

/// Returns the 17 of `javac 17.0.15`; Java 8 calls itself 1.8.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix("javac ")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_java_begins_with_its_major_number() {
        assert_eq!(major("javac 17.0.15\n"), Some(17));
        assert_eq!(major("javac 1.8.0_402"), Some(1));
        assert_eq!(major("javac 25"), Some(25));
        assert_eq!(major("17"), None);
    }
}
