//! Reads what `marshal.dumps(…, 2)` wrote, of which no byte is trusted.

/// The bytes that are yet to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MarshalReader<'a>(&'a [u8]);

/// An object, or the beginning of one that holds others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Item<'a> {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
    /// Anything that has a buffer of bytes: not only `bytes`.
    Bytes(&'a [u8]),
    /// A tuple or list: this many items follow.
    List(u32),
    /// Names and values follow, and then an `End`.
    Dict,
    End,
}

impl<'a> MarshalReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Reads the next object. `None`: the bytes are not one, or one that is not a value.
    #[inline]
    pub(crate) fn item(&mut self) -> Option<Item<'a>> {
        Some(match self.byte()? {
            b'i' => Item::Int(i64::from(i32::from_le_bytes(self.array()?))),
            b'u' | b't' => Item::Text(std::str::from_utf8(self.sized()?).ok()?),
            b'N' => Item::None,
            b'g' => Item::Float(f64::from_le_bytes(self.array()?)),
            b'(' | b'[' => Item::List(self.count()?),
            b'{' => Item::Dict,
            b'0' => Item::End,
            b's' => Item::Bytes(self.sized()?),
            b'l' => Item::Int(self.long()?),
            b'T' => Item::Bool(true),
            b'F' => Item::Bool(false),
            _ => return None,
        })
    }

    pub(crate) fn int(&mut self) -> Option<i64> {
        match self.item()? {
            Item::Int(number) => Some(number),
            _ => None,
        }
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        u32::try_from(self.int()?).ok()
    }

    pub(crate) fn bool(&mut self) -> Option<bool> {
        match self.item()? {
            Item::Bool(yes) => Some(yes),
            _ => None,
        }
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        match self.item()? {
            Item::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn list(&mut self) -> Option<u32> {
        match self.item()? {
            Item::List(count) => Some(count),
            _ => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    /// Reads a length, no more than there are bytes: each item takes at least one.
    #[inline]
    fn count(&mut self) -> Option<u32> {
        let count = u32::from_le_bytes(self.array()?);
        (count as usize <= self.0.len()).then_some(count)
    }

    #[inline]
    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.count()? as usize;
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    /// Reads an integer from its digits of 15 bits, if it has no more than 64 bits.
    fn long(&mut self) -> Option<i64> {
        let count = i32::from_le_bytes(self.array()?);
        if count.unsigned_abs() > 5 {
            return None;
        }
        let mut number: i128 = 0;
        for place in 0..count.unsigned_abs() {
            let digit = u16::from_le_bytes(self.array()?);
            if digit >= 1 << 15 {
                return None;
            }
            number |= i128::from(digit) << (15 * place);
        }
        i64::try_from(if count < 0 { -number } else { number }).ok()
    }
}
