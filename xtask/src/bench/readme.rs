//! The tables in README.md, between two marks.

use std::fs;
use std::path::Path;

use anyhow::Context;

const BEGIN: &str = "<!-- bench:rust -->";
const END: &str = "<!-- /bench:rust -->";

/// Replaces what stands between the marks in the file.
pub(crate) fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    let old =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let new = between(&old, text)
        .with_context(|| format!("{} has no `{BEGIN}` and `{END}`", path.display()))?;
    super::write(path, &new)
}

fn between(old: &str, text: &str) -> Option<String> {
    let (before, rest) = old.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n{END}{after}", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let old = format!("# title\n{BEGIN}\nold\n{END}\nend\n");
        let new = between(&old, "| new |\n").unwrap();
        assert_eq!(new, format!("# title\n{BEGIN}\n| new |\n{END}\nend\n"));
        assert_eq!(between(&new, "| new |\n").unwrap(), new);
        assert_eq!(between("no marks", "x"), None);
    }
}
