//! The generated regions for Kotlin.

use super::core::{Core, DeclaredKind, WireNumber};
use super::{Region, UNTRACED};

const NUMBERS: &str =
    "bindings-ffi/kotlin/ubiqlite/src/main/kotlin/io/github/ubiqlite/internal/Op.kt";
const KINDS: &str = "bindings-ffi/kotlin/ubiqlite/src/main/kotlin/io/github/ubiqlite/ErrorKind.kt";
const CLASSES: &str =
    "bindings-ffi/kotlin/ubiqlite/src/main/kotlin/io/github/ubiqlite/UbiqliteException.kt";
const FIELDS: &str =
    "bindings-ffi/kotlin/ubiqlite/src/main/kotlin/io/github/ubiqlite/internal/Fields.kt";

pub(super) fn regions(core: &Core) -> Vec<Region> {
    let region = |file, name, text| Region { file, name, text };
    let of = |kind: &DeclaredKind| {
        format!("        ErrorKind.{0} -> UbiqliteException.{0}(this)\n", kind.name)
    };
    vec![
        region(NUMBERS, "numbers", numbers(core)),
        region(KINDS, "kinds", core.errors.iter().map(kind).collect::<Vec<_>>().join("\n")),
        region(CLASSES, "classes", core.errors.iter().map(class).collect::<Vec<_>>().join("\n")),
        region(FIELDS, "table", core.errors.iter().map(of).collect()),
    ]
}

fn kind(kind: &DeclaredKind) -> String {
    format!("    /** {} */\n    {},\n", kind.doc, kind.name)
}

fn class(kind: &DeclaredKind) -> String {
    let constraint = if kind.is_constraint { ", Constraint" } else { "" };
    format!(
        "    /** {} */\n    public class {1} internal constructor(fields: Fields, cause: Throwable? = null) :\n        UbiqliteException(fields, cause){constraint} {{\n        override val kind: ErrorKind get() = ErrorKind.{1}\n    }}\n",
        kind.doc, kind.name
    )
}

fn numbers(core: &Core) -> String {
    let untraced: String = core.untraced.iter().map(|name| format!("    Op.{name},\n")).collect();
    [
        object("The operations.", "Op", &core.ops),
        object("Flags of a request.", "Flag", &core.request),
        object("The kinds of replies.", "Kind", &core.kinds),
        object("Flags of a reply.", "ReplyFlag", &core.reply),
        object(
            "How a cell is marked; `ASCII` is a text of which every byte is.",
            "Tag",
            &core.cells,
        ),
        object("Limits, in bytes.", "Limit", &core.limits),
        format!("/** {UNTRACED} */\ninternal val UNTRACED: Set<Int> = setOf(\n{untraced})\n"),
    ]
    .join("\n")
}

fn object(doc: &str, name: &str, numbers: &[WireNumber]) -> String {
    let lines: String = numbers
        .iter()
        .map(|number| format!("    const val {} = {}\n", number.name, number.value))
        .collect();
    format!("/** {doc} */\ninternal object {name} {{\n{lines}}}\n")
}
