//! The types of `chrono`.

use chrono::{
    DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Timelike, Utc,
};

use super::ValueRef;
use super::clock::{self, Clock, Day};
use super::convert::fallible;
use crate::value::FromValue;

fallible!([Tz: TimeZone] DateTime<Tz>, |value| {
    let value = value.naive_utc();
    clock::write(Some(day_of(value.date())), Some(clock_of(value.time())), "Z")
});
fallible!([] NaiveDateTime, |value| {
    clock::write(Some(day_of(value.date())), Some(clock_of(value.time())), "")
});
fallible!([] NaiveDate, |value| clock::write(Some(day_of(*value)), None, ""));
fallible!([] NaiveTime, |value| clock::write(None, Some(clock_of(*value)), ""));

fn day_of(date: NaiveDate) -> Day {
    // Both are below 32.
    Day { year: date.year(), month: date.month() as u8, day: date.day() as u8 }
}

fn clock_of(time: NaiveTime) -> Clock {
    Clock {
        hour: time.hour() as u8,
        minute: time.minute() as u8,
        second: time.second() as u8,
        nanos: time.nanosecond(),
    }
}

fn date(day: Day) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(day.year, day.month.into(), day.day.into())
}

fn time(clock: Clock) -> Option<NaiveTime> {
    let Clock { hour, minute, second, nanos } = clock;
    NaiveTime::from_hms_nano_opt(hour.into(), minute.into(), second.into(), nanos)
}

/// Text without an offset is taken as UTC.
impl<'a> FromValue<'a> for DateTime<FixedOffset> {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        if let (Some(day), Some(clock), offset) = clock::read(value)?
            && let (Some(date), Some(time)) = (date(day), time(clock))
            && let Some(offset) = FixedOffset::east_opt(offset.unwrap_or(0))
            && let Some(moment) = offset.from_local_datetime(&date.and_time(time)).single()
        {
            return Ok(moment);
        }
        clock::unfit(value, "a date with a time")
    }
}

/// Text without an offset is taken as UTC.
impl<'a> FromValue<'a> for DateTime<Utc> {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        DateTime::<FixedOffset>::from_value(value).map(|moment| moment.to_utc())
    }
}

impl<'a> FromValue<'a> for NaiveDateTime {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        if let (Some(day), Some(clock), None) = clock::read(value)?
            && let (Some(date), Some(time)) = (date(day), time(clock))
        {
            return Ok(date.and_time(time));
        }
        clock::unfit(value, "a date with a time and no offset")
    }
}

impl<'a> FromValue<'a> for NaiveDate {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        match clock::read(value)? {
            (Some(day), None, None) => date(day).map_or_else(|| clock::unfit(value, "a date"), Ok),
            _ => clock::unfit(value, "a date alone"),
        }
    }
}

impl<'a> FromValue<'a> for NaiveTime {
    fn from_value(value: ValueRef<'a>) -> Result<Self, String> {
        match clock::read(value)? {
            (None, Some(clock), None) => {
                time(clock).map_or_else(|| clock::unfit(value, "a time of day"), Ok)
            }
            _ => clock::unfit(value, "a time alone"),
        }
    }
}
