//! The generated regions for TypeScript.

use std::fmt::Write as _;

use super::core::{Core, DeclaredKind, WireNumber, camel};
use super::{Region, UNTRACED};

const NUMBERS: &str = "bindings-wasm/ts/wire/ops.ts";
const ERRORS: &str = "bindings-wasm/ts/errors.ts";

pub(super) fn regions(core: &Core) -> Vec<Region> {
    let region = |file, name, text| Region { file, name, text };
    vec![
        region(NUMBERS, "numbers", numbers(core)),
        region(ERRORS, "names", of_each(core, |text, kind| writeln!(text, "  | '{}'", kind.name))),
        region(ERRORS, "classes", of_each(core, class)),
        region(
            ERRORS,
            "table",
            of_each(core, |text, kind| writeln!(text, "  {}: {},", kind.name, class_name(kind))),
        ),
        region(
            "bindings-wasm/ts/index.ts",
            "classes",
            of_each(core, |text, kind| writeln!(text, "  {},", class_name(kind))),
        ),
    ]
}

fn of_each(core: &Core, write: impl Fn(&mut String, &DeclaredKind) -> std::fmt::Result) -> String {
    let mut text = String::new();
    for kind in &core.errors {
        // Writing to a string does not fail.
        let _ = write(&mut text, kind);
    }
    text
}

/// Returns the name of an error's class. The language already has a `SyntaxError`.
fn class_name(kind: &DeclaredKind) -> String {
    if kind.name == "Syntax" { "SqlSyntaxError".to_owned() } else { format!("{}Error", kind.name) }
}

fn class(text: &mut String, kind: &DeclaredKind) -> std::fmt::Result {
    let more =
        if kind.name == "Cancelled" { " Of an abort, `cause` is the signal's reason." } else { "" };
    writeln!(text, "/** {}{more} */", kind.doc)?;
    writeln!(text, "export class {} extends UbiqliteError {{}}", class_name(kind))
}

fn numbers(core: &Core) -> String {
    let mut text = String::new();
    object(&mut text, "The operations.", "Op", &core.ops);
    text.push('\n');
    object(&mut text, "The kinds of replies.", "Kind", &core.kinds);
    text.push('\n');
    constants(&mut text, "Flags of a request.", &core.request);
    text.push('\n');
    constants(&mut text, "Flags of a reply.", &core.reply);
    text.push('\n');
    constants(&mut text, "Limits, in bytes.", &core.limits);
    text.push('\n');
    let names: String = core.untraced.iter().map(|it| format!("  Op.{},\n", camel(it))).collect();
    text.push_str(&format!(
        "/** {UNTRACED} */\nexport const UNTRACED: ReadonlySet<number> = /* @__PURE__ */ new Set<number>([\n{names}]);\n"
    ));
    text
}

fn object(text: &mut String, doc: &str, name: &str, numbers: &[WireNumber]) {
    text.push_str(&format!("/** {doc} */\nexport const {name} = {{\n"));
    for number in numbers {
        text.push_str(&format!("  {}: {},\n", number.camel(), number.value));
    }
    text.push_str("} as const;\n");
}

/// Writes separate constants, which a bundler can inline where they are used.
fn constants(text: &mut String, doc: &str, numbers: &[WireNumber]) {
    text.push_str(&format!("/** {doc} */\n"));
    for number in numbers {
        text.push_str(&format!("export const {} = {};\n", number.name, number.value));
    }
}
