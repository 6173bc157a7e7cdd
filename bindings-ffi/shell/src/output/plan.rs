//! The rows of `EXPLAIN QUERY PLAN` as a tree.

use std::io::{self, Write};

/// One of its rows: the number, that of the one above it, and the words.
pub(crate) type Node = (i64, i64, String);

/// Writes the tree.
pub(crate) fn write_plan(out: &mut dyn Write, nodes: &[Node]) -> io::Result<()> {
    out.write_all(b"QUERY PLAN\n")?;
    below(out, nodes, 0, "", 0)
}

fn below(
    out: &mut dyn Write,
    nodes: &[Node],
    parent: i64,
    indent: &str,
    depth: usize,
) -> io::Result<()> {
    // SQLite's expressions are at most 1000 deep; a row that is its own parent would be endless.
    if depth > 1000 {
        return Ok(());
    }
    let children: Vec<_> =
        nodes.iter().filter(|(id, up, _)| *up == parent && *id != parent).collect();
    for (index, (id, _, words)) in children.iter().enumerate() {
        let last = index + 1 == children.len();
        writeln!(out, "{indent}{}{words}", if last { "└─ " } else { "├─ " })?;
        let indent = format!("{indent}{}", if last { "   " } else { "│  " });
        below(out, nodes, *id, &indent, depth + 1)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_what_can_be_seen() {
        let node = |id, parent, words: &str| (id, parent, words.to_owned());
        let nodes = [node(2, 0, "a"), node(5, 2, "b"), node(9, 5, "c"), node(12, 0, "d")];
        let mut out = Vec::new();
        write_plan(&mut out, &nodes).ok();
        let wanted = "QUERY PLAN\n├─ a\n│  └─ b\n│     └─ c\n└─ d\n";
        assert_eq!(String::from_utf8_lossy(&out), wanted);
    }
}
