//! Dates and times as text of a fixed width, which sorts in the order of time.

use std::fmt::Write as _;

use super::{Value, ValueRef};
use crate::error::{Error, Result};

/// A day of the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) year: i32,
    pub(super) month: u8,
    pub(super) day: u8,
}

/// A time of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Clock {
    pub(super) hour: u8,
    pub(super) minute: u8,
    pub(super) second: u8,
    /// At most 999,999,999: a leap second has no text in SQLite.
    pub(super) nanos: u32,
}

/// Writes a day, a time or both; `zone` is `Z` for a moment, and empty for the
/// calendar and clock of an unspecified place.
pub(super) fn write(day: Option<Day>, clock: Option<Clock>, zone: &str) -> Result<Value> {
    let mut text = String::with_capacity(30);
    if let Some(Day { year, month, day }) = day {
        if !(0..=9999).contains(&year) {
            return Err(Error::invalid(format!(
                "the year {year} can't be stored; only years from 0000 to 9999 can, as text of a fixed width"
            )));
        }
        let _ = write!(text, "{year:04}-{month:02}-{day:02}");
    }
    if let Some(Clock { hour, minute, second, nanos }) = clock {
        if nanos > 999_999_999 {
            return Err(Error::invalid("a leap second can't be stored: SQLite has none"));
        }
        if day.is_some() {
            text.push('T');
        }
        let _ = write!(text, "{hour:02}:{minute:02}:{second:02}.{nanos:09}{zone}");
    }
    Ok(Value::Text(text))
}

/// What a text says: a day, a time, and how many seconds east of UTC.
pub(super) type ParsedTime = (Option<Day>, Option<Clock>, Option<i32>);

/// Reads what [`write`] wrote, and what SQLite's own functions return: with a space
/// for the `T`, without seconds or with fewer digits of them, with `Z`, `+01:00`
/// or nothing at the end.
pub(super) fn read(value: ValueRef<'_>) -> Result<ParsedTime, String> {
    let ValueRef::Text(bytes) = value else {
        return Err(format!("the value is {}, which is not a date or time", value.type_name()));
    };
    let refused = || format!("{:?} is not a date or time", String::from_utf8_lossy(bytes));
    let mut rest = Digits(bytes);
    let mut day = None;
    if bytes.get(4) == Some(&b'-') {
        let year = rest.number(4).ok_or_else(refused)?;
        let month = rest.after(b'-').ok_or_else(refused)?;
        let of_month = rest.after(b'-').ok_or_else(refused)?;
        day = Some(Day { year: i32::from(year), month, day: of_month });
        if rest.0.is_empty() {
            return Ok((day, None, None));
        }
        if !(rest.skip(b'T') || rest.skip(b't') || rest.skip(b' ')) {
            return Err(refused());
        }
    }
    let mut clock = Clock { hour: rest.number(2).ok_or_else(refused)? as u8, ..Clock::default() };
    clock.minute = rest.after(b':').ok_or_else(refused)?;
    if rest.0.first() == Some(&b':') {
        clock.second = rest.after(b':').ok_or_else(refused)?;
        if rest.skip(b'.') {
            clock.nanos = rest.fraction().ok_or_else(refused)?;
        }
    }
    let offset = match rest.0.first() {
        None => None,
        Some(b'Z' | b'z') => {
            rest.0 = &rest.0[1..];
            Some(0)
        }
        Some(sign @ (b'+' | b'-')) => {
            let sign = if *sign == b'-' { -1 } else { 1 };
            rest.0 = &rest.0[1..];
            let hours = rest.number(2).ok_or_else(refused)?;
            let minutes = rest.after(b':').ok_or_else(refused)?;
            if hours > 23 || minutes > 59 {
                return Err(refused());
            }
            Some(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60))
        }
        Some(_) => return Err(refused()),
    };
    if !rest.0.is_empty() {
        return Err(refused());
    }
    Ok((day, Some(clock), offset))
}

/// Says why a text that [`read`] accepts does not fit the type.
pub(super) fn unfit<T>(value: ValueRef<'_>, wanted: &str) -> Result<T, String> {
    let text = value.as_str().unwrap_or_default();
    Err(format!("{text:?} is not {wanted}"))
}

struct Digits<'a>(&'a [u8]);

impl Digits<'_> {
    /// A number of exactly `digits` digits.
    fn number(&mut self, digits: usize) -> Option<u16> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        number.iter().try_fold(0, |sum: u16, digit| {
            digit.is_ascii_digit().then(|| sum * 10 + u16::from(digit - b'0'))
        })
    }

    /// Two digits after this sign.
    fn after(&mut self, sign: u8) -> Option<u8> {
        self.skip(sign).then(|| self.number(2))?.and_then(|number| u8::try_from(number).ok())
    }

    fn skip(&mut self, sign: u8) -> bool {
        let found = self.0.first() == Some(&sign);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    /// Up to nine digits of a second; more would be truncated.
    fn fraction(&mut self) -> Option<u32> {
        let count = self.0.iter().take_while(|digit| digit.is_ascii_digit()).count();
        if count == 0 || count > 9 {
            return None;
        }
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        let number = digits.iter().fold(0, |sum: u32, digit| sum * 10 + u32::from(digit - b'0'));
        Some(number * 10_u32.pow(9 - count as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written_and_as_sqlite_writes_them() {
        let day = Day { year: 2024, month: 5, day: 1 };
        let clock = Clock { hour: 9, minute: 30, second: 0, nanos: 7 };
        let written = write(Some(day), Some(clock), "Z").unwrap();
        assert_eq!(written, Value::from("2024-05-01T09:30:00.000000007Z"));
        assert_eq!(read(written.as_ref()), Ok((Some(day), Some(clock), Some(0))));
        let read = |text: &str| read(ValueRef::Text(text.as_bytes()));
        let plain = Clock { nanos: 0, ..clock };
        assert_eq!(read("2024-05-01 09:30:00"), Ok((Some(day), Some(plain), None)));
        assert_eq!(read("2024-05-01 09:30"), Ok((Some(day), Some(plain), None)));
        assert_eq!(read("2024-05-01T09:30:00-01:30"), Ok((Some(day), Some(plain), Some(-5400))));
        assert_eq!(read("2024-05-01"), Ok((Some(day), None, None)));
        assert_eq!(read("09:30:00.000000007"), Ok((None, Some(clock), None)));
        for bad in [
            "",
            "2024",
            "2024-5-1",
            "2024-05-01T",
            "2024-05-01x09:30",
            "9:30",
            "09:30:00.",
            "09:30:00.0000000001",
            "09:30Zx",
            "09:30+1",
            "09:30+24:00",
            "+024-05-01",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_year_of_another_width_is_refused() {
        let day = Day { year: 10_000, month: 1, day: 1 };
        assert!(write(Some(day), None, "").is_err());
        assert!(write(Some(Day { year: -1, ..day }), None, "").is_err());
    }
}
