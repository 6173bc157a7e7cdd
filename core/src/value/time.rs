//! The types of `time`.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use super::ValueRef;
use super::clock::{self, Clock, Day};
use super::convert::fallible;
use crate::error::Error;
use crate::value::FromValue;

fallible!([] OffsetDateTime, |value| {
    let utc = value
        .checked_to_offset(UtcOffset::UTC)
        .ok_or_else(|| {
            Error::invalid(format!("{value:?} can't be stored: its year in UTC is out of range"))
        })?;
    clock::write(Some(day_of(utc.date())), Some(clock_of(utc.time())), "Z")
});
fallible!([] PrimitiveDateTime, |value| {
    clock::write(Some(day_of(value.date())), Some(clock_of(value.time())), "")
});
fallible!([] Date, |value| clock::write(Some(day_of(*value)), None, ""));
fallible!([] Time, |value| clock::write(None, Some(clock_of(*value)), ""));

fn day_of(date: Date) -> Day {
    Day { year: date.year(), month: date.month().into(), day: date.day() }
}

fn clock_of(time: Time) -> Clock {
    let (hour, minute, second, nanos) = time.as_hms_nano();
    Clock { hour, minute, second, nanos }
}

fn date(day: Day) -> Option<Date> {
    let month = Month::try_from(day.month).ok()?;
    Date::from_calendar_date(day.year, month, day.day).ok()
}

fn time(clock: Clock) -> Option<Time> {
    Time::from_hms_nano(clock.hour, clock.minute, clock.second, clock.nanos).ok()
}

/// Text without an offset is taken as UTC.
impl<'a> FromValue<'a> for OffsetDateTime {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        if let (Some(day), Some(clock), offset) = clock::read(value)?
            && let (Some(date), Some(time)) = (date(day), time(clock))
            && let Ok(offset) = UtcOffset::from_whole_seconds(offset.unwrap_or(0))
        {
            return Ok(PrimitiveDateTime::new(date, time).assume_offset(offset));
        }
        clock::unfit(value, "a date with a time")
    }
}

impl<'a> FromValue<'a> for PrimitiveDateTime {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        if let (Some(day), Some(clock), None) = clock::read(value)?
            && let (Some(date), Some(time)) = (date(day), time(clock))
        {
            return Ok(Self::new(date, time));
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
