//! Writes what `marshal.loads` reads.

/// How many bytes come before the items of a list.
pub(crate) const HEAD: usize = 5;

/// What comes before the items of a list.
pub(crate) fn list_head(count: u32) -> [u8; HEAD] {
    let [a, b, c, d] = count.to_le_bytes();
    [b'[', a, b, c, d]
}

/// Marks an object as numbered, in the order of the bytes, by which it can be named.
const NAMED: u8 = 0x80;

/// Objects that are read by one `marshal.loads`.
#[derive(Debug, Default)]
pub(crate) struct MarshalWriter {
    bytes: Vec<u8>,
    /// How many of the objects are numbered.
    numbered: u32,
}

impl MarshalWriter {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Starts over, keeping at most `most` bytes of memory.
    pub(crate) fn clear(&mut self, most: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(most);
        self.numbered = 0;
    }

    /// Where the next object will go, for [`back_to`](Self::back_to).
    pub(crate) fn position(&self) -> (usize, u32) {
        (self.bytes.len(), self.numbered)
    }

    /// Takes back what was written since.
    pub(crate) fn back_to(&mut self, (length, numbered): (usize, u32)) {
        self.bytes.truncate(length);
        self.numbered = numbered;
    }

    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    pub(crate) fn none(&mut self) {
        self.bytes.push(b'N');
    }

    pub(crate) fn bool(&mut self, yes: bool) {
        self.bytes.push(if yes { b'T' } else { b'F' });
    }

    #[inline]
    pub(crate) fn int(&mut self, number: i64) {
        if let Ok(small) = i32::try_from(number) {
            let [a, b, c, d] = small.to_le_bytes();
            self.bytes.extend_from_slice(&[b'i', a, b, c, d]);
        } else {
            self.long(number);
        }
    }

    /// Writes the sign and number of the digits, and the digits of 15 bits.
    fn long(&mut self, number: i64) {
        self.bytes.push(b'l');
        let position = self.bytes.len();
        self.u32(0);
        let mut rest = number.unsigned_abs();
        let mut digits: i32 = 0;
        while rest > 0 {
            #[allow(clippy::cast_possible_truncation, reason = "15 bits of it")]
            let digit = (rest & 0x7fff) as u16;
            self.bytes.extend_from_slice(&digit.to_le_bytes());
            rest >>= 15;
            digits += 1;
        }
        let count = if number < 0 { -digits } else { digits };
        self.bytes[position..position + 4].copy_from_slice(&count.to_le_bytes());
    }

    #[inline]
    pub(crate) fn float(&mut self, number: f64) {
        let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
        self.bytes.extend_from_slice(&[b'g', a, b, c, d, e, f, g, h]);
    }

    #[inline]
    pub(crate) fn ascii(&mut self, text: &[u8]) {
        if let Ok(length) = u8::try_from(text.len()) {
            self.bytes.extend_from_slice(&[b'z', length]);
            self.bytes.extend_from_slice(text);
        } else {
            self.sized(b'a', text);
        }
    }

    pub(crate) fn text(&mut self, text: &str) {
        if text.is_ascii() {
            self.ascii(text.as_bytes());
        } else {
            self.sized(b'u', text.as_bytes());
        }
    }

    pub(crate) fn blob(&mut self, bytes: &[u8]) {
        self.sized(b's', bytes);
    }

    fn sized(&mut self, kind: u8, bytes: &[u8]) {
        self.bytes.push(kind);
        // SQLite's texts and blobs are below 2^31 bytes, and so are our messages.
        #[allow(clippy::cast_possible_truncation, reason = "see above")]
        self.u32(bytes.len() as u32);
        self.bytes.extend_from_slice(bytes);
    }

    /// A tuple: its items follow.
    #[inline]
    pub(crate) fn tuple(&mut self, count: usize) {
        if let Ok(count) = u8::try_from(count) {
            self.bytes.extend_from_slice(&[b')', count]);
        } else {
            self.bytes.push(b'(');
            #[allow(
                clippy::cast_possible_truncation,
                reason = "SQLite has 32,767 columns at most"
            )]
            self.u32(count as u32);
        }
    }

    /// A list: its items follow.
    pub(crate) fn list(&mut self, count: u32) {
        self.bytes.extend_from_slice(&list_head(count));
    }

    /// A list whose items follow; [`count`](Self::count) then sets their number.
    pub(crate) fn list_of_later(&mut self) -> usize {
        self.list(0);
        self.bytes.len()
    }

    /// Sets how many items the list has whose first is at `position`.
    pub(crate) fn count(&mut self, position: usize, count: u32) {
        self.bytes[position - 4..position].copy_from_slice(&count.to_le_bytes());
    }

    /// A dict: names and values follow, and then its end.
    #[inline]
    pub(crate) fn dict(&mut self) {
        self.bytes.push(b'{');
    }

    #[inline]
    pub(crate) fn end(&mut self) {
        self.bytes.push(b'0');
    }

    /// A text that is one object wherever it occurs. Returns its number, for
    /// [`again`](Self::again).
    pub(crate) fn name(&mut self, name: &str) -> u32 {
        let bytes = name.as_bytes();
        match u8::try_from(bytes.len()) {
            Ok(length) if name.is_ascii() => {
                self.bytes.extend_from_slice(&[b'Z' | NAMED, length]);
                self.bytes.extend_from_slice(bytes);
            }
            _ if name.is_ascii() => self.sized(b'A' | NAMED, bytes),
            _ => self.sized(b't' | NAMED, bytes),
        }
        self.numbered += 1;
        self.numbered - 1
    }

    /// The object with this number again.
    #[inline]
    pub(crate) fn again(&mut self, number: u32) {
        self.bytes.push(b'r');
        self.u32(number);
    }

    fn u32(&mut self, number: u32) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }
}
