//! Numbers that know their bounds.
//!
//! The generator gives a string with a length a type of its own and lets a number with bounds go out as any number.
//! `build.rs` reads the bounds from the spec and calls [`bounded_number!`] for each.

use std::{error, fmt, ops::Bound};

/// A number outside the bounds that the API sets; says which.
///
/// ```
/// use distribute_ai::types::UnitInterval;
///
/// let error = UnitInterval::try_from(7.0).unwrap_err();
/// assert_eq!(error.to_string(), "7 is not between 0 and 1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutOfBounds {
    value: f64,
    /// None: it isn't whole, and should be.
    range: Option<(Bound<f64>, Bound<f64>)>,
}

impl OutOfBounds {
    pub(crate) fn check(value: f64, range: (Bound<f64>, Bound<f64>)) -> Result<(), Self> {
        // NaN is in no range, also not in one that is open at both ends.
        let inside = !value.is_nan() && std::ops::RangeBounds::contains(&range, &value);
        if inside { Ok(()) } else { Err(Self { value, range: Some(range) }) }
    }

    pub(crate) fn fraction(value: f64) -> Self {
        Self { value, range: None }
    }
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not ", self.value)?;
        let Some(range) = self.range else { return f.write_str("a whole number") };
        match range {
            (Bound::Included(low), Bound::Included(high)) => write!(f, "between {low} and {high}"),
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

/// A newtype over `f64` or `i64` that holds only values within the bounds, whether made in code or read.
macro_rules! bounded_number {
    ($(#[$doc:meta])* $name:ident($repr:ty), $low:expr, $high:expr) => {
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// `try_from` a number outside of [`Self::RANGE`] is [`OutOfBounds`](crate::OutOfBounds), which has an example.
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(try_from = "f64")]
        pub struct $name($repr);

        impl $name {
            /// The bounds, as the API's document has them; see [`OutOfBounds`](crate::OutOfBounds).
            pub const RANGE: (::std::ops::Bound<f64>, ::std::ops::Bound<f64>) = ($low, $high);

            /// The number, within its bounds; see [`OutOfBounds`](crate::OutOfBounds).
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
                // An integer that lost its fraction is not the number that was meant.
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
    fn refused(value: f64, range: (Bound<f64>, Bound<f64>), expected: &str) {
        assert_eq!(OutOfBounds::check(value, range).unwrap_err().to_string(), expected);
    }

    #[test]
    fn bounds_are_part_of_the_range_unless_excluded() {
        for value in [0.0, 0.5, 1.0] {
            assert_eq!(OutOfBounds::check(value, (Included(0.0), Included(1.0))), Ok(()));
        }
        assert_eq!(OutOfBounds::check(1e300, (Excluded(0.0), Unbounded)), Ok(()));
        refused(0.0, (Excluded(0.0), Unbounded), "0 is not above 0");
    }

    #[allow(clippy::pedantic, unreachable_pub, reason = "as where the macro is used: in generated code")]
    mod made {
        use std::ops::Bound::Included;

        bounded_number!(Width(i64), Included(1.0), Included(4096.0));
    }

    #[test]
    fn an_integer_is_whole() {
        assert_eq!(made::Width::try_from(7.0).unwrap().get(), 7);
        assert_eq!(made::Width::try_from(2.7).unwrap_err().to_string(), "2.7 is not a whole number");
        assert_eq!(serde_json::to_string(&made::Width::try_from(7.0).unwrap()).unwrap(), "7");
    }

    #[test]
    fn the_message_names_the_value_and_the_limits() {
        refused(7.0, (Included(0.0), Included(1.0)), "7 is not between 0 and 1");
        refused(f64::NAN, (Included(0.0), Included(1.0)), "NaN is not between 0 and 1");
        refused(f64::INFINITY, (Unbounded, Included(2.0)), "inf is not at most 2");
        refused(0.0, (Included(1.0), Excluded(9.0)), "0 is not at least 1 and below 9");
        refused(f64::NAN, (Unbounded, Unbounded), "NaN is not a number");
    }
}
