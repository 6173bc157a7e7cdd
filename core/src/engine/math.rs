//! SQL's mathematical functions, for a SQLite that was compiled without them.
//!
//! They are a build option of SQLite (`SQLITE_ENABLE_MATH_FUNCTIONS`), which a program that depends
//! on this crate does not get automatically. They return what SQLite's own functions return
//! (`func.c`), including NULL for what is not a number.

use std::ffi::{CStr, c_int};
use std::{ptr, slice};

use crate::error::{Phase, Result};
use crate::ffi;

/// A function and its name in SQL.
struct MathFunction {
    name: &'static CStr,
    does: Does,
}

enum Does {
    /// Of a number.
    One(fn(f64) -> f64),
    /// Of a number; an integer stays unchanged.
    Whole(fn(f64) -> f64),
    /// Of two numbers.
    Two(fn(f64, f64) -> f64),
    /// Of a number above zero.
    Log(fn(f64) -> f64),
    /// Base and number.
    LogOf,
    Pi,
}

use Does::{Log, LogOf, One, Pi, Two, Whole};

static FUNCTIONS: &[MathFunction] = &[
    MathFunction { name: c"acos", does: One(f64::acos) },
    MathFunction { name: c"acosh", does: One(f64::acosh) },
    MathFunction { name: c"asin", does: One(f64::asin) },
    MathFunction { name: c"asinh", does: One(f64::asinh) },
    MathFunction { name: c"atan", does: One(f64::atan) },
    MathFunction { name: c"atan2", does: Two(f64::atan2) },
    MathFunction { name: c"atanh", does: One(f64::atanh) },
    MathFunction { name: c"ceil", does: Whole(f64::ceil) },
    MathFunction { name: c"ceiling", does: Whole(f64::ceil) },
    MathFunction { name: c"cos", does: One(f64::cos) },
    MathFunction { name: c"cosh", does: One(f64::cosh) },
    MathFunction { name: c"degrees", does: One(|x| x * (180.0 / std::f64::consts::PI)) },
    MathFunction { name: c"exp", does: One(f64::exp) },
    MathFunction { name: c"floor", does: Whole(f64::floor) },
    MathFunction { name: c"ln", does: Log(f64::ln) },
    MathFunction { name: c"log", does: Log(f64::log10) },
    MathFunction { name: c"log", does: LogOf },
    MathFunction { name: c"log10", does: Log(f64::log10) },
    MathFunction { name: c"log2", does: Log(f64::log2) },
    MathFunction { name: c"mod", does: Two(|x, y| x % y) },
    MathFunction { name: c"pi", does: Pi },
    MathFunction { name: c"pow", does: Two(f64::powf) },
    MathFunction { name: c"power", does: Two(f64::powf) },
    MathFunction { name: c"radians", does: One(|x| x * (std::f64::consts::PI / 180.0)) },
    MathFunction { name: c"sin", does: One(f64::sin) },
    MathFunction { name: c"sinh", does: One(f64::sinh) },
    MathFunction { name: c"sqrt", does: One(f64::sqrt) },
    MathFunction { name: c"tan", does: One(f64::tan) },
    MathFunction { name: c"tanh", does: One(f64::tanh) },
    MathFunction { name: c"trunc", does: Whole(f64::trunc) },
];

impl Does {
    fn arguments(&self) -> c_int {
        match self {
            Pi => 0,
            One(_) | Whole(_) | Log(_) => 1,
            Two(_) | LogOf => 2,
        }
    }
}

/// Adds the functions to a connection whose SQLite lacks them.
///
/// # Errors
/// Out of memory.
///
/// # Safety
/// The connection is open, and this thread alone uses it.
pub(super) unsafe fn add_where_missing(db: *mut ffi::sqlite3) -> Result<()> {
    // SAFETY: the name is a C string.
    let there = unsafe { ffi::sqlite3_compileoption_used(c"ENABLE_MATH_FUNCTIONS".as_ptr()) };
    // SAFETY: by the contract.
    if there == 0 { unsafe { add(db) } } else { Ok(()) }
}

/// # Safety
/// As [`add_where_missing`].
unsafe fn add(db: *mut ffi::sqlite3) -> Result<()> {
    // Like SQLite's own: they may be used in indexes, and in views and triggers whose schema is not
    // trusted.
    const FLAGS: c_int = ffi::SQLITE_UTF8 | ffi::SQLITE_DETERMINISTIC | ffi::SQLITE_INNOCUOUS;
    for function in FUNCTIONS {
        let data = ptr::from_ref(function).cast_mut().cast();
        let arguments = function.does.arguments();
        // SAFETY: by the contract; the function receives its description, which is static and only
        // read.
        unsafe {
            let code = ffi::sqlite3_create_function_v2(
                db,
                function.name.as_ptr(),
                arguments,
                FLAGS,
                data,
                Some(call),
                None,
                None,
                None,
            );
            if code != ffi::SQLITE_OK {
                return Err(super::failure(db, code, Phase::Compile));
            }
        }
    }
    Ok(())
}

/// Called by SQLite for each function. Setting no result returns NULL.
unsafe extern "C" fn call(
    context: *mut ffi::sqlite3_context,
    count: c_int,
    values: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: `add` passed this pointer. SQLite passes as many values as were declared; if there
    // are none, the pointer may not be read.
    let (function, values) = unsafe {
        let function = &*ffi::sqlite3_user_data(context).cast::<MathFunction>();
        let values = match usize::try_from(count) {
            Ok(count) if count > 0 => slice::from_raw_parts(values, count),
            _ => &[],
        };
        (function, values)
    };
    // SAFETY: the values are this call's.
    let result = unsafe { result(&function.does, values) };
    match result {
        // SAFETY: the context is this call's. SQLite turns what is not a number into NULL.
        Some(Number::Float(value)) => unsafe { ffi::sqlite3_result_double(context, value) },
        // SAFETY: as above.
        Some(Number::Integer(value)) => unsafe { ffi::sqlite3_result_int64(context, value) },
        None => {}
    }
}

enum Number {
    Integer(i64),
    Float(f64),
}

/// # Safety
/// The values are those of the running call.
unsafe fn result(does: &Does, values: &[*mut ffi::sqlite3_value]) -> Option<Number> {
    // SAFETY: by the contract.
    let number = |value| unsafe {
        match ffi::sqlite3_value_numeric_type(value) {
            ffi::SQLITE_INTEGER => Some(Number::Integer(ffi::sqlite3_value_int64(value))),
            ffi::SQLITE_FLOAT => Some(Number::Float(ffi::sqlite3_value_double(value))),
            _ => None,
        }
    };
    #[allow(clippy::cast_precision_loss, reason = "as SQLite's own do")]
    let float = |value| match number(value) {
        Some(Number::Integer(value)) => Some(value as f64),
        Some(Number::Float(value)) => Some(value),
        None => None,
    };
    let positive = |value| float(value).filter(|value| *value > 0.0);
    let value = match (does, values) {
        (Pi, []) => std::f64::consts::PI,
        (One(of), [x]) => of(float(*x)?),
        (Whole(of), [x]) => match number(*x)? {
            Number::Float(x) => of(x),
            whole @ Number::Integer(_) => return Some(whole),
        },
        (Two(of), [x, y]) => of(float(*x)?, float(*y)?),
        (Log(of), [x]) => of(positive(*x)?),
        (LogOf, [base, x]) => {
            let base = positive(*base)?.ln();
            // SQLite does not check whether the second is a number.
            // SAFETY: by the contract.
            let x = unsafe { ffi::sqlite3_value_double(*x) };
            if base <= 0.0 || x <= 0.0 {
                return None;
            }
            x.ln() / base
        }
        _ => return None,
    };
    Some(Number::Float(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;
    use rusqlite::types::Value;

    /// Returns the results of each function for one or two arguments from a list of notable values.
    fn results(db: &Connection) -> Vec<(String, Value)> {
        const VALUES: &[&str] = &[
            "0",
            "1",
            "-1",
            "2",
            "10",
            "7",
            "9007199254740993",
            "0.5",
            "-0.5",
            "2.5",
            "1e300",
            "'2.5'",
            "' 4 '",
            "'x'",
            "''",
            "NULL",
            "x'34'",
            "1e999",
            "-1e999",
        ];
        let mut calls = Vec::new();
        for function in FUNCTIONS {
            let name = function.name.to_str().unwrap();
            match function.does.arguments() {
                0 => calls.push(format!("{name}()")),
                1 => calls.extend(VALUES.iter().map(|x| format!("{name}({x})"))),
                _ => calls.extend(
                    VALUES
                        .iter()
                        .flat_map(|x| VALUES.iter().map(move |y| format!("{name}({x}, {y})"))),
                ),
            }
        }
        let one = |sql: &str| db.query_row(&format!("SELECT {sql}"), (), |row| row.get(0)).unwrap();
        calls
            .into_iter()
            .map(|sql| {
                let value = one(&sql);
                (sql, value)
            })
            .collect()
    }

    #[test]
    fn a_function_returns_what_sqlites_own_returns_for_numbers_texts_and_nulls() {
        let own = Connection::open_in_memory().unwrap();
        // This repository's builds have them (`.cargo/config.toml`).
        if own.prepare("SELECT pi()").is_err() {
            return;
        }
        let ours = Connection::open_in_memory().unwrap();
        // SAFETY: the connection is open and used here alone.
        unsafe { add(ours.handle().cast()).unwrap() };
        for ((sql, expected), (_, found)) in results(&own).into_iter().zip(results(&ours)) {
            let same = match (&expected, &found) {
                // The last digits depend on the C library.
                (Value::Real(a), Value::Real(b)) => a == b || (a - b).abs() <= 1e-14 * a.abs(),
                _ => expected == found,
            };
            assert!(same, "{sql}: SQLite's {expected:?}, ours {found:?}");
        }
    }
}
