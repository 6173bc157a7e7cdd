//! What the running time of SQL functions depends on.

/// What a function's running time depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cost {
    /// Little.
    Small,
    /// The length of its values.
    Length,
    /// More than that, or unknown.
    Unknown,
}

/// Functions that take little time whatever their values are, in alphabetical order.
const SMALL: &[&str] = &[
    "abs",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "avg",
    "ceil",
    "ceiling",
    "changes",
    "char",
    "coalesce",
    "cos",
    "cosh",
    "count",
    "cume_dist",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "degrees",
    "dense_rank",
    "exp",
    "first_value",
    "floor",
    "if",
    "ifnull",
    "iif",
    "julianday",
    "lag",
    "last_insert_rowid",
    "last_value",
    "lead",
    "length",
    "likelihood",
    "likely",
    "ln",
    "log",
    "log10",
    "log2",
    "max",
    "min",
    "mod",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "percent_rank",
    "pi",
    "pow",
    "power",
    "radians",
    "random",
    "rank",
    "round",
    "row_number",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "strftime",
    "substr",
    "substring",
    "subtype",
    "sum",
    "tan",
    "tanh",
    "time",
    "timediff",
    "total",
    "total_changes",
    "trunc",
    "typeof",
    "unicode",
    "unixepoch",
    "unlikely",
    "zeroblob",
];

/// Functions that go through their values once.
const LENGTH: &[&str] = &[
    "->",
    "->>",
    "concat",
    "concat_ws",
    "group_concat",
    "hex",
    "json",
    "json_array",
    "json_array_length",
    "json_error_position",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_insert",
    "json_object",
    "json_pretty",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_type",
    "json_valid",
    "jsonb",
    "jsonb_array",
    "jsonb_extract",
    "jsonb_group_array",
    "jsonb_group_object",
    "jsonb_insert",
    "jsonb_object",
    "jsonb_remove",
    "jsonb_replace",
    "jsonb_set",
    "lower",
    "quote",
    "randomblob",
    "string_agg",
    "unhex",
    "upper",
];

/// Returns what this function's running time depends on. It is unknown for all functions that
/// compare a pattern or a set of characters with each place of a text, and for a user's own.
pub(super) fn cost_of(function: &[u8]) -> Cost {
    let name = function.to_ascii_lowercase();
    let is_in = |list: &[&str]| list.binary_search_by(|known| known.as_bytes().cmp(&name)).is_ok();
    if is_in(SMALL) {
        Cost::Small
    } else if is_in(LENGTH) {
        Cost::Length
    } else {
        Cost::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_by_their_names_however_they_are_written() {
        assert!(SMALL.is_sorted() && LENGTH.is_sorted());
        assert_eq!(cost_of(b"Coalesce"), Cost::Small);
        assert_eq!(cost_of(b"JSON_EXTRACT"), Cost::Length);
        for unknown in ["like", "GLOB", "instr", "replace", "trim", "match", "regexp", "my_own"] {
            assert_eq!(cost_of(unknown.as_bytes()), Cost::Unknown, "{unknown}");
        }
    }
}
