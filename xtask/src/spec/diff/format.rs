//! Formats whose values another format includes.

/// Pairs of formats. The second format of each pair accepts every value of the first.
const WITHIN: [(&str, &str); 2] = [("int32", "int64"), ("float", "double")];

/// Returns `true` if every value of one format has the other format.
pub(super) fn includes(format: &str, other: &str) -> bool {
    format == other || WITHIN.contains(&(other, format))
}
