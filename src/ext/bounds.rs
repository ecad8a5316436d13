//! Newtypes for numbers with bounds.
//!
//! The generator creates types for strings with length limits, but ignores the bounds of numbers. `build.rs`
//! reads these bounds from the spec and calls [`bounded_number!`] once for each bounded number.

use std::{error, fmt, ops::Bound};

/// The error for a number outside the bounds of the API. The message names the number and the
/// bounds.
///
/// ```
/// use distribute_ai::types::UnitInterval;
///
/// let error = UnitInterval::try_from(7.0).unwrap_err();
/// assert_eq!(error.to_string(), "7 is out of range, expected 0 to 1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutOfBounds {
    value: f64,
    /// The allowed range. `None` if the value has a fraction and must be a whole number.
    range: Option<(Bound<f64>, Bound<f64>)>,
}

impl OutOfBounds {
    pub(crate) fn check(value: f64, range: (Bound<f64>, Bound<f64>)) -> Result<(), Self> {
        // NaN is outside every range, even an unbounded one.
        let inside = !value.is_nan() && std::ops::RangeBounds::contains(&range, &value);
        if inside { Ok(()) } else { Err(Self { value, range: Some(range) }) }
    }

    pub(crate) fn fraction(value: f64) -> Self {
        Self { value, range: None }
    }
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(range) = self.range else { return write!(f, "{} is not a whole number", self.value) };
        write!(f, "{} is out of range, expected ", self.value)?;
        match range {
            (Bound::Included(low), Bound::Included(high)) => write!(f, "{low} to {high}"),
            (low, high) => {
                match low {
                    Bound::Included(low) => write!(f, "at least {low}")?,
                    Bound::Excluded(low) => write!(f, "above {low}")?,
                    Bound::Unbounded => {}
                }
                if !matches!(low, Bound::Unbounded) && !matches!(high, Bound::Unbounded) {
                    f.write_str(" and ")?;
                }
                match high {
                    Bound::Included(high) => write!(f, "at most {high}"),
                    Bound::Excluded(high) => write!(f, "below {high}"),
                    Bound::Unbounded if matches!(low, Bound::Unbounded) => f.write_str("a number"),
                    Bound::Unbounded => Ok(()),
                }
            }
        }
    }
}

impl error::Error for OutOfBounds {}

/// Defines a newtype over `f64` or `i64` that holds only values within the bounds. Deserialising
/// also checks the bounds.
macro_rules! bounded_number {
    ($(#[$doc:meta])* $name:ident($repr:ty), $low:expr, $high:expr) => {
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// `try_from` returns [`OutOfBounds`](crate::OutOfBounds) for a number outside
        /// [`Self::RANGE`]. See that type for an example.
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(try_from = "f64")]
        pub struct $name($repr);

        impl $name {
            /// The bounds in the API's published document. See [`OutOfBounds`](crate::OutOfBounds) for an
            /// example.
            pub const RANGE: (::std::ops::Bound<f64>, ::std::ops::Bound<f64>) = ($low, $high);

            /// Returns the number. See [`OutOfBounds`](crate::OutOfBounds) for an example.
            #[must_use]
            pub fn get(self) -> $repr {
                self.0
            }
        }

        impl ::std::convert::TryFrom<f64> for $name {
            type Error = crate::ext::OutOfBounds;

            fn try_from(value: f64) -> ::std::result::Result<Self, Self::Error> {
                crate::ext::OutOfBounds::check(value, Self::RANGE)?;
                let number = value as $repr;
                // Reject a fraction instead of rounding it silently.
                if number as f64 == value {
                    Ok(Self(number))
                } else {
                    Err(crate::ext::OutOfBounds::fraction(value))
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }
    };
}
pub(crate) use bounded_number;

#[cfg(test)]
mod tests {
    use std::ops::Bound::{Excluded, Included, Unbounded};

    use super::*;

    #[track_caller]
    fn assert_out_of_bounds(value: f64, range: (Bound<f64>, Bound<f64>), expected: &str) {
        assert_eq!(OutOfBounds::check(value, range).unwrap_err().to_string(), expected);
    }

    #[test]
    fn check_includes_bounds_unless_excluded() {
        for value in [0.0, 0.5, 1.0] {
            assert_eq!(OutOfBounds::check(value, (Included(0.0), Included(1.0))), Ok(()));
        }
        assert_eq!(OutOfBounds::check(1e300, (Excluded(0.0), Unbounded)), Ok(()));
        assert_out_of_bounds(0.0, (Excluded(0.0), Unbounded), "0 is out of range, expected above 0");
    }

    #[allow(
        clippy::pedantic,
        unreachable_pub,
        reason = "the lints that are off in generated code, where the macro is used"
    )]
    mod generated {
        use std::ops::Bound::Included;

        bounded_number!(Width(i64), Included(1.0), Included(4096.0));
    }

    #[test]
    fn integer_from_fraction_is_rejected() {
        assert_eq!(generated::Width::try_from(7.0).unwrap().get(), 7);
        assert_eq!(generated::Width::try_from(2.7).unwrap_err().to_string(), "2.7 is not a whole number");
        assert_eq!(serde_json::to_string(&generated::Width::try_from(7.0).unwrap()).unwrap(), "7");
    }

    #[test]
    fn message_names_value_and_limits() {
        assert_out_of_bounds(7.0, (Included(0.0), Included(1.0)), "7 is out of range, expected 0 to 1");
        assert_out_of_bounds(
            f64::NAN,
            (Included(0.0), Included(1.0)),
            "NaN is out of range, expected 0 to 1",
        );
        assert_out_of_bounds(
            f64::INFINITY,
            (Unbounded, Included(2.0)),
            "inf is out of range, expected at most 2",
        );
        assert_out_of_bounds(
            0.0,
            (Included(1.0), Excluded(9.0)),
            "0 is out of range, expected at least 1 and below 9",
        );
        assert_out_of_bounds(f64::NAN, (Unbounded, Unbounded), "NaN is out of range, expected a number");
    }
}
