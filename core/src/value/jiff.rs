//! The types of `jiff`. A `Zoned` has a zone, which does not fit into text of a fixed
//! width: store its `timestamp()`.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};

use super::ValueRef;
use super::clock::{self, Clock, Day};
use super::convert::fallible;
use crate::value::FromValue;

fallible!([] Timestamp, |value| {
    let value = Offset::UTC.to_datetime(*value);
    clock::write(Some(day_of(value.date())), Some(clock_of(value.time())), "Z")
});
fallible!([] DateTime, |value| {
    clock::write(Some(day_of(value.date())), Some(clock_of(value.time())), "")
});
fallible!([] Date, |value| clock::write(Some(day_of(*value)), None, ""));
fallible!([] Time, |value| clock::write(None, Some(clock_of(*value)), ""));

fn day_of(date: Date) -> Day {
    // All are positive.
    Day { year: date.year().into(), month: date.month() as u8, day: date.day() as u8 }
}

fn clock_of(time: Time) -> Clock {
    Clock {
        hour: time.hour() as u8,
        minute: time.minute() as u8,
        second: time.second() as u8,
        nanos: time.subsec_nanosecond() as u32,
    }
}

fn date(day: Day) -> Option<Date> {
    let (month, of_month) = (i8::try_from(day.month).ok()?, i8::try_from(day.day).ok()?);
    Date::new(i16::try_from(day.year).ok()?, month, of_month).ok()
}

fn time(clock: Clock) -> Option<Time> {
    let small = |part: u8| i8::try_from(part).ok();
    let nanos = i32::try_from(clock.nanos).ok()?;
    Time::new(small(clock.hour)?, small(clock.minute)?, small(clock.second)?, nanos).ok()
}

/// Text without an offset is taken as UTC.
impl<'a> FromValue<'a> for Timestamp {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        if let (Some(day), Some(clock), offset) = clock::read(value)?
            && let (Some(date), Some(time)) = (date(day), time(clock))
            && let Ok(offset) = Offset::from_seconds(offset.unwrap_or(0))
            && let Ok(moment) = TimeZone::fixed(offset).to_timestamp(date.to_datetime(time))
        {
            return Ok(moment);
        }
        clock::unfit(value, "a date with a time")
    }
}

impl<'a> FromValue<'a> for DateTime {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        if let (Some(day), Some(clock), None) = clock::read(value)?
            && let (Some(date), Some(time)) = (date(day), time(clock))
        {
            return Ok(date.to_datetime(time));
        }
        clock::unfit(value, "a date with a time and no offset")
    }
}

impl<'a> FromValue<'a> for Date {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        match clock::read(value)? {
            (Some(day), None, None) => date(day).map_or_else(|| clock::unfit(value, "a date"), Ok),
            _ => clock::unfit(value, "a date alone"),
        }
    }
}

impl<'a> FromValue<'a> for Time {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        match clock::read(value)? {
            (None, Some(clock), None) => {
                time(clock).map_or_else(|| clock::unfit(value, "a time of day"), Ok)
            }
            _ => clock::unfit(value, "a time alone"),
        }
    }
}
