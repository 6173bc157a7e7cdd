//! The order of a module's functions: those of one part of SQLite, or of one module of Rust, next to
//! each other. They are alike, and gzip looks back 32 KiB; wasm-bindgen leaves the largest first.

use std::collections::HashMap;

use anyhow::{Context, bail};

/// The custom section with names, and its part about functions.
const NAME_SECTION: &[u8] = b"\x04name";
const FUNCTIONS: u8 = 1;

/// Returns the module with a number in place of each function's name, by which wasm-opt can sort
/// them: SQLite's as in its source, and after them the others by their names.
///
/// # Errors
/// For what is no module, or has no names.
pub(super) fn numbered(module: &[u8], sqlite: &str) -> anyhow::Result<Vec<u8>> {
    let (head, mut rest) = module.split_at_checked(8).context("it is no wasm module")?;
    let mut out = head.to_vec();
    let mut names = Vec::new();
    while !rest.is_empty() {
        let section = rest;
        let id = take(&mut rest, 1)?[0];
        let length = number(&mut rest)?;
        let body = take(&mut rest, length)?;
        match body.strip_prefix(NAME_SECTION) {
            Some(parts) if id == 0 => names = function_names(parts)?,
            _ => out.extend_from_slice(&section[..section.len() - rest.len()]),
        }
    }
    if names.is_empty() {
        bail!("the module has no names of functions");
    }
    let places = places(sqlite);
    // clang adds a dot and a number to the names of static functions.
    let place = |name: &str| name.split('.').next().and_then(|name| places.get(name)).copied();
    names.sort_by_key(|(_, name)| (place(name).unwrap_or(usize::MAX), *name));
    let mut numbers: Vec<_> = names.iter().zip(0..).map(|((index, _), at)| (*index, at)).collect();
    numbers.sort_unstable();
    let mut part = Vec::new();
    push_number(&mut part, numbers.len());
    for (index, at) in numbers {
        let name = format!("{at:06}");
        push_number(&mut part, index);
        push_number(&mut part, name.len());
        part.extend_from_slice(name.as_bytes());
    }
    let mut section = NAME_SECTION.to_vec();
    section.push(FUNCTIONS);
    push_number(&mut section, part.len());
    section.extend(part);
    out.push(0);
    push_number(&mut out, section.len());
    out.extend(section);
    Ok(out)
}

/// Returns the index and the name of each function.
fn function_names(mut parts: &[u8]) -> anyhow::Result<Vec<(usize, &str)>> {
    let mut names = Vec::new();
    while !parts.is_empty() {
        let id = take(&mut parts, 1)?[0];
        let length = number(&mut parts)?;
        let mut part = take(&mut parts, length)?;
        if id != FUNCTIONS {
            continue;
        }
        for _ in 0..number(&mut part)? {
            let index = number(&mut part)?;
            let length = number(&mut part)?;
            names.push((index, std::str::from_utf8(take(&mut part, length)?)?));
        }
    }
    Ok(names)
}

/// Returns the line on which each function of a C source is defined: the last one that begins with
/// a type and its name. Prototypes come before.
fn places(source: &str) -> HashMap<&str, usize> {
    let mut places = HashMap::new();
    for (line, text) in source.lines().enumerate() {
        let Some((before, _)) = text.split_once('(') else { continue };
        let is_word = |it: char| it.is_ascii_alphanumeric() || it == '_';
        let typed = before.trim_end_matches(is_word);
        let name = &before[typed.len()..];
        if !name.is_empty() && typed.starts_with(is_word) && typed.ends_with([' ', '*']) {
            places.insert(name, line);
        }
    }
    places
}

fn take<'b>(from: &mut &'b [u8], length: usize) -> anyhow::Result<&'b [u8]> {
    let (taken, rest) = from.split_at_checked(length).context("the module ends too early")?;
    *from = rest;
    Ok(taken)
}

/// Reads a number in LEB128.
fn number(from: &mut &[u8]) -> anyhow::Result<usize> {
    let mut number = 0;
    for shift in (0..35).step_by(7) {
        let byte = take(from, 1)?[0];
        number |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    bail!("a number of the module is too long")
}

fn push_number(into: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        into.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    into.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module with a type section, whatever it means, and names.
    fn module(names: &[(usize, &str)]) -> Vec<u8> {
        let mut part = vec![names.len() as u8];
        for (index, name) in names {
            push_number(&mut part, *index);
            push_number(&mut part, name.len());
            part.extend_from_slice(name.as_bytes());
        }
        let mut section = [NAME_SECTION, &[FUNCTIONS, part.len() as u8], &part].concat();
        section.splice(0..0, [0, section.len() as u8]);
        [&b"\0asm\x01\0\0\0\x01\x02ab"[..], &section].concat()
    }

    #[test]
    fn sqlites_functions_are_in_the_order_of_its_source_and_the_others_by_name_after_them() {
        let source = "static int late(int);\n\
                      int early(void){\n  if( late(1) ) return early(2);\n}\n\
                      static const char *late(int a){\n}\n";
        let names = [(7, "b::two"), (3, "late.12"), (200, "a::one"), (1, "early")];
        let numbered = numbered(&module(&names), source).unwrap();
        let want = [(1, "000000"), (3, "000001"), (7, "000003"), (200, "000002")];
        let mut rest = &numbered[12..];
        assert_eq!(take(&mut rest, 1).unwrap(), [0]);
        assert_eq!(number(&mut rest).unwrap(), rest.len());
        let names = rest.strip_prefix(NAME_SECTION).unwrap();
        assert_eq!(function_names(names).unwrap(), want);
        assert_eq!(&numbered[..12], b"\0asm\x01\0\0\0\x01\x02ab");
    }

    #[test]
    fn a_module_without_names_or_with_half_a_section_is_noticed() {
        assert!(numbered(b"\0asm\x01\0\0\0\x01\x02ab", "").is_err());
        assert!(numbered(b"\0asm\x01\0\0\0\x01\x09ab", "").is_err());
        assert!(numbered(b"\0asm", "").is_err());
    }
}
