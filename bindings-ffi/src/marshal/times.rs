//! How long a request waited and ran, and how much there was.

use ubiqlite::ext::wire::numbers::kind;

use super::pages::{i64_at, u32_at};
use super::reply::defect;
use super::write::MarshalWriter;

/// In a request's number: these are its times.
pub(super) const TOLD: u32 = 1 << 31;

/// Whether a reply is the times of a request, whose result follows.
pub(super) fn is_times(reply: &[u8]) -> bool {
    reply.get(8) == Some(&kind::TIMES)
}

/// Writes the times of a request that has this result.
pub(super) fn times(reply: &[u8], result: Option<&[u8]>, out: &mut MarshalWriter) {
    let position = out.position();
    if times_of(reply, result, out).is_none() {
        out.back_to(position);
        defect(reply, out);
    }
}

fn times_of(reply: &[u8], result: Option<&[u8]>, out: &mut MarshalWriter) -> Option<()> {
    let (id, length) = (u32_at(reply, 4)?, u32_at(reply, 12)? as usize);
    let payload = reply.get(16..)?;
    let counts = 16 + length.next_multiple_of(8);
    out.tuple(8);
    out.int(i64::from(id | TOLD));
    out.int(i64::from(kind::TIMES));
    out.int(i64_at(payload, 0)?);
    out.int(i64_at(payload, 8)?);
    out.text(std::str::from_utf8(payload.get(16..16 + length)?).ok()?);
    for at in [counts, counts + 8] {
        match i64_at(payload, at)? {
            -1 => out.none(),
            count => out.int(count),
        }
    }
    match result.filter(|result| result.get(8) == Some(&kind::ERROR)) {
        Some(error) => {
            let json = error.get(16..)?.get(..u32_at(error, 12)? as usize)?;
            out.text(std::str::from_utf8(json).ok()?);
        }
        None => out.none(),
    }
    Some(())
}
