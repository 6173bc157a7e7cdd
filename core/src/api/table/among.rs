//! The condition that a column equals one of many values.

use std::fmt::Write as _;

use crate::sql::Params;
use crate::value::Value;

/// Up to this many values get one parameter each. More are packed into a few: a
/// statement has at most 32,766, and its text would differ for each number of them.
const FEW: usize = 1000;

/// Writes the condition that the column equals one of the values, or is `NULL` if
/// that is among them.
pub(super) fn write(sql: &mut String, params: &mut Params, column: &str, values: &[Value]) {
    let before = sql.len();
    let some = values.iter().filter(|value| !value.is_null());
    if values.len() <= FEW {
        write_list(sql, params, column, some);
    } else {
        write_many(sql, params, column, some);
    }
    if values.iter().any(Value::is_null) {
        let or = if sql.len() == before { "" } else { " OR " };
        let _ = write!(sql, "{or}{column} IS NULL");
    }
    if sql.len() == before {
        sql.push_str("FALSE");
    }
}

fn write_list<'v>(
    sql: &mut String,
    params: &mut Params,
    column: &str,
    values: impl Iterator<Item = &'v Value>,
) {
    for (index, value) in values.enumerate() {
        if index == 0 {
            let _ = write!(sql, "{column} IN (?");
        } else {
            sql.push_str(", ?");
        }
        params.push(value);
    }
    if sql.ends_with('?') {
        sql.push(')');
    }
}

/// Writes each type in a form that JSON preserves: integers and texts as such, blobs
/// as hexadecimal digits, reals as their 64 bits. The selected expressions have no
/// affinity (`+value`, `|| ''`), just as a parameter has none, so the column's own
/// decides.
fn write_many<'v>(
    sql: &mut String,
    params: &mut Params,
    column: &str,
    values: impl Iterator<Item = &'v Value>,
) {
    let [mut plain, mut large, mut texts, mut blobs, mut reals] =
        [const { List(String::new()) }; 5];
    let mut exponents = [false; 2048];
    let (mut high, mut low) = (None, None);
    for value in values {
        match value {
            // No real equals this integer, though a column of reals would round it to one.
            Value::Integer(number) if *number as f64 as i128 != i128::from(*number) => {
                large.push(number);
            }
            Value::Integer(number) => plain.push(number),
            // SQLite's JSON ends a text at a NUL.
            Value::Text(text) if text.contains('\0') => texts.push(Hex(text.as_bytes())),
            Value::Text(text) => plain.push(serde_json::Value::from(text.as_str())),
            Value::Blob(bytes) => blobs.push(Hex(bytes)),
            Value::Real(number) if number.is_finite() => {
                exponents[exponent(*number)] = true;
                reals.push(number.to_bits().cast_signed());
            }
            Value::Real(f64::INFINITY) => high = Some(value),
            Value::Real(f64::NEG_INFINITY) => low = Some(value),
            // NaN is NULL, which equals nothing.
            Value::Real(_) | Value::Null => {}
        }
    }
    let before = sql.len();
    let or = |sql: &mut String| {
        if sql.len() > before {
            sql.push_str(" OR ")
        }
    };
    let not_real = format!("typeof({column}) <> 'real' AND ");
    let lists = [
        (plain, "", "+item.value"),
        (large, not_real.as_str(), "+item.value"),
        (texts, "", "CAST(unhex(item.value) AS TEXT) || ''"),
        (blobs, "", "unhex(item.value)"),
    ];
    for (list, only, what) in lists {
        if let Some(text) = list.finish() {
            or(sql);
            let _ = write!(sql, "{only}{column} IN (SELECT {what} FROM json_each(?) AS item)");
            params.push(text);
        }
    }
    if let Some(text) = reals.finish() {
        // A real is its fraction, an integer of at most 53 bits, times a power of two:
        // their product is exactly that number. Its decimal text might not be.
        or(sql);
        let _ = write!(
            sql,
            "{column} IN (SELECT iif(item.value < 0, -1, 1) * ((item.value & 4503599627370495) \
             + iif(scale.column1 = 0, 0, 4503599627370496)) * scale.column2 \
             FROM json_each(?) AS item JOIN (VALUES "
        );
        params.push(text);
        let given = exponents.iter().enumerate().filter(|(_, given)| **given);
        for (index, (exponent, _)) in given.enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let _ = write!(sql, "{comma}({exponent}, ?)");
            params.push(power(exponent));
        }
        sql.push_str(") AS scale ON scale.column1 = (item.value >> 52) & 2047)");
    }
    let infinite: Vec<&Value> = high.into_iter().chain(low).collect();
    if !infinite.is_empty() {
        or(sql);
        write_list(sql, params, column, infinite.into_iter());
    }
}

/// The biased exponent of a real.
fn exponent(number: f64) -> usize {
    // Eleven bits.
    (number.to_bits() >> 52) as usize & 2047
}

/// The value of the last fraction bit of a real with this exponent.
fn power(exponent: usize) -> f64 {
    // 2^(exponent - 1075); exponent 0 is like 1, without the implied bit.
    let bits = exponent.max(1) as u64;
    if bits > 52 { f64::from_bits((bits - 52) << 52) } else { f64::from_bits(1 << (bits - 1)) }
}

/// A JSON list.
struct List(String);

impl List {
    fn push(&mut self, item: impl std::fmt::Display) {
        let _ = write!(self.0, "{}{item}", if self.0.is_empty() { '[' } else { ',' });
    }

    fn finish(mut self) -> Option<String> {
        (!self.0.is_empty()).then(|| {
            self.0.push(']');
            self.0
        })
    }
}

/// Bytes as hexadecimal digits in quotes.
struct Hex<'a>(&'a [u8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("\"")?;
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_is_its_fraction_times_a_power_of_two() {
        for number in [1.0, 0.1, 5e-324, f64::MIN_POSITIVE, f64::MAX, 0.0, 1e-300] {
            let bits = number.to_bits();
            let implied = if exponent(number) == 0 { 0 } else { 1 << 52 };
            let fraction = (bits & ((1 << 52) - 1)) + implied;
            assert_eq!(fraction as f64 * power(exponent(number)), number);
        }
    }
}
