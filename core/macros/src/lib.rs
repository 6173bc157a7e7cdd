//! The part of `ubiqlite::migrations!` that needs the compiler: it finds the files of a folder.
//! Which of them are migrations, and of which kind, the library decides.

use std::path::{Path, PathBuf};

use proc_macro::{TokenStream, TokenTree};

/// Returns the names and texts of a folder's SQL files, as a `&[(&str, &str)]`. The folder is
/// relative to that of the package's `Cargo.toml`.
#[proc_macro]
pub fn embed(input: TokenStream) -> TokenStream {
    let code = folder(input).and_then(|folder| list(&folder));
    let code = code.unwrap_or_else(|message| format!("compile_error!({message:?})"));
    code.parse().unwrap_or_default()
}

/// Returns the folder that the macro's argument names.
fn folder(input: TokenStream) -> Result<PathBuf, String> {
    let mut tokens = input.into_iter();
    let name = match (tokens.next(), tokens.next()) {
        (Some(token), None) => text(token),
        _ => None,
    };
    let name = name.ok_or("migrations! takes one folder, as in migrations!(\"migrations\")")?;
    let root = std::env::var("CARGO_MANIFEST_DIR")
        .map_err(|_| "CARGO_MANIFEST_DIR is not set: migrations! needs Cargo")?;
    Ok(Path::new(&root).join(name))
}

/// Returns the text of a string literal.
fn text(token: TokenTree) -> Option<String> {
    match token {
        // What a macro by example passes on.
        TokenTree::Group(group) => {
            let mut tokens = group.stream().into_iter();
            let first = tokens.next()?;
            tokens.next().is_none().then(|| text(first))?
        }
        TokenTree::Literal(literal) => {
            let literal = literal.to_string();
            if let Some(raw) = literal.strip_prefix('r') {
                let raw = raw.trim_matches('#');
                return Some(raw.strip_prefix('"')?.strip_suffix('"')?.to_owned());
            }
            let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
            let plain = inner.replace("\\\\", "/").replace("\\\"", "\"");
            (!plain.contains('\\')).then_some(plain)
        }
        _ => None,
    }
}

/// Returns the code of the list.
fn list(folder: &Path) -> Result<String, String> {
    let mut files = Vec::new();
    find(folder, "", &mut files)?;
    files.sort();
    let entries: Vec<_> = files
        .into_iter()
        .map(|(name, path)| format!("({name:?}, ::core::include_str!({path:?}))"))
        .collect();
    Ok(format!("{{ const FILES: &[(&str, &str)] = &[{}]; FILES }}", entries.join(", ")))
}

/// Adds the files that can be migrations, also those of folders in this one.
fn find(folder: &Path, within: &str, files: &mut Vec<(String, String)>) -> Result<(), String> {
    let unreadable = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let own = format!("{within}{name}");
        if path.is_dir() {
            if within.is_empty() {
                find(&path, &format!("{own}/"), files)?;
            }
        } else if name.ends_with(".sql") || name == "_journal.json" {
            let path = path.to_str().ok_or("the path of a migration is not UTF-8")?;
            files.push((own, path.to_owned()));
        }
    }
    Ok(())
}
