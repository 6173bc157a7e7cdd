//! Checksums that are the same on every checkout: of a text whose line ends an editor or a version
//! control system may have changed.

use sha2::{Digest, Sha256};

/// Returns the lines that count: without blanks at their ends, and without empty lines at the end
/// of the text.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.trim_end().split('\n').map(str::trim_end)
}

/// Returns the SHA-256 of a text, in hexadecimal.
pub(super) fn of(text: &str) -> String {
    let mut hash = Sha256::new();
    for (index, line) in lines(text).enumerate() {
        if index > 0 {
            hash.update(b"\n");
        }
        hash.update(line.as_bytes());
    }
    as_hex(&hash.finalize())
}

/// Returns the SHA-256 of a whole text, in hexadecimal.
pub(crate) fn sha256(text: &str) -> String {
    as_hex(&Sha256::digest(text.as_bytes()))
}

#[cfg(not(target_family = "wasm"))]
/// Returns the SHA-384 of a whole text.
pub(crate) fn sha384(text: &str) -> Vec<u8> {
    sha2::Sha384::digest(text.as_bytes()).to_vec()
}

/// Returns bytes in hexadecimal, in lower case.
fn as_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// Returns two bytes for each line, which tell later where the text was changed.
pub(crate) fn of_lines(text: &str) -> Vec<u8> {
    lines(text).flat_map(mark).collect()
}

/// Returns the first line that differs from the text that these marks were made of, counted from 1.
/// `None` if all marks are the same: two lines have the same mark once in 65,536 times.
pub(super) fn first_difference(marks: &[u8], text: &str) -> Option<usize> {
    let mut before = marks.chunks_exact(2);
    let mut count = 0;
    for line in lines(text) {
        count += 1;
        if before.next() != Some(&mark(line)) {
            return Some(count);
        }
    }
    // Lines at the end are gone.
    before.next().map(|_| count + 1)
}

/// FNV-1a, <http://www.isthe.com/chongo/tech/comp/fnv/>, folded to 16 bits.
fn mark(line: &str) -> [u8; 2] {
    let hash = line
        .bytes()
        .fold(0x811c_9dc5u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let [first, second, third, fourth] = hash.to_be_bytes();
    [first ^ third, second ^ fourth]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_empty_lines_at_ends_do_not_count() {
        let sum = of("CREATE TABLE a (\n  x\n);");
        assert_eq!(of("CREATE TABLE a (  \n  x\t\n);\n\n \n"), sum);
        assert_ne!(of("CREATE TABLE a (\n x\n);"), sum, "blanks at the beginning of a line count");
        assert_ne!(of("CREATE TABLE a (\n\n  x\n);"), sum, "an empty line in between counts");
    }

    #[test]
    fn it_is_sha_256() {
        // Of "abc", from FIPS 180-2.
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of("abc\n"), sum);
    }

    #[test]
    fn the_line_that_was_changed_is_found() {
        let marks = of_lines("one\ntwo\nthree\n");
        assert_eq!(first_difference(&marks, "one\ntwo  \nthree"), None);
        assert_eq!(first_difference(&marks, "one\n2\nthree"), Some(2));
        assert_eq!(first_difference(&marks, "one\ntwo\nthree\nfour"), Some(4));
        assert_eq!(first_difference(&marks, "one\ntwo"), Some(3));
    }
}
