//! The tables in docs/benchmarks.md, between two marks.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::marks;

/// Replaces the text between the marks of the benchmark in the file.
pub(crate) fn replace(path: &Path, bench: &str, text: &str) -> anyhow::Result<()> {
    let old =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let (begin, end) = marks(bench);
    let new = between(&old, bench, text)
        .with_context(|| format!("{} has no `{begin}` and `{end}`", path.display()))?;
    super::write(path, &new)
}

fn marks(bench: &str) -> (String, String) {
    (format!("<!-- bench:{bench} -->"), format!("<!-- /bench:{bench} -->"))
}

fn between(old: &str, bench: &str, text: &str) -> Option<String> {
    let (begin, end) = marks(bench);
    marks::replaced(old, &begin, &end, &format!("{}\n", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let old =
            "<!-- bench:a -->\n<!-- /bench:a -->\n<!-- bench:b -->\nold\n<!-- /bench:b -->\nend\n";
        let new = between(old, "b", "| new |\n").unwrap();
        assert_eq!(new, old.replace("old", "| new |"));
        assert_eq!(between(&new, "b", "| new |\n").unwrap(), new);
        assert_eq!(between(old, "c", "x"), None);
    }
}
