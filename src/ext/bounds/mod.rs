//! Newtypes for numbers with bounds.
//!
//! The generator creates types for strings with length limits, but ignores the bounds of numbers. `build.rs`
//! reads these bounds from the spec and calls [`bounded_number!`] once for each bounded number.

use std::{
    error, fmt,
    ops::{Bound, RangeBounds as _},
};

use serde::{Deserialize, Deserializer, de::Visitor};

/// A number before its bounds are checked. An integer stays exact, unlike in an `f64`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Integer(i64),
    /// An integer above those of an `i64`.
    Large(u64),
    Float(f64),
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_i64<E>(self, value: i64) -> Result<Number, E> {
                Ok(value.into())
            }

            fn visit_u64<E>(self, value: u64) -> Result<Number, E> {
                Ok(value.into())
            }

            fn visit_f64<E>(self, value: f64) -> Result<Number, E> {
                Ok(value.into())
            }
        }

        deserializer.deserialize_any(NumberVisitor)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

macro_rules! number_from_integer {
    ($($integer:ident)*) => {$(
        impl From<$integer> for Number {
            fn from(value: $integer) -> Self {
                Self::Integer(value.into())
            }
        }
    )*};
}
number_from_integer!(i8 i16 i32 i64 u8 u16 u32);

impl From<usize> for Number {
    fn from(value: usize) -> Self {
        u64::try_from(value).unwrap_or(u64::MAX).into()
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or(Self::Large(value), Self::Integer)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(f),
            Self::Large(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
        }
    }
}

/// The types that a bounded number holds: `f64` and `i64`.
pub(crate) trait Bounded: Copy + PartialOrd {
    /// Converts a number to this type, within the bounds.
    fn within(number: Number, range: (Bound<Self>, Bound<Self>)) -> Result<Self, OutOfBounds>;
}

impl Bounded for f64 {
    fn within(number: Number, range: (Bound<f64>, Bound<f64>)) -> Result<f64, OutOfBounds> {
        #[expect(clippy::cast_precision_loss, reason = "a parser of an f64 rounds an integer too")]
        let value = match number {
            Number::Integer(value) => value as f64,
            Number::Large(value) => value as f64,
            Number::Float(value) => value,
        };
        // NaN is outside every range, even an unbounded one.
        if !value.is_nan() && range.contains(&value) {
            return Ok(value);
        }
        Err(OutOfBounds { number, range: Some(numbers(range, Number::Float)) })
    }
}

impl Bounded for i64 {
    fn within(number: Number, range: (Bound<i64>, Bound<i64>)) -> Result<i64, OutOfBounds> {
        // Reject a fraction instead of rounding it silently.
        if matches!(number, Number::Float(value) if value.is_finite() && value.fract() != 0.0) {
            return Err(OutOfBounds { number, range: None });
        }
        #[expect(clippy::cast_possible_truncation, reason = "an i128 holds every f64 that an i64 holds")]
        let value = match number {
            Number::Integer(value) => Some(value),
            Number::Float(value) if !value.is_nan() => i64::try_from(value as i128).ok(),
            Number::Large(_) | Number::Float(_) => None,
        };
        if let Some(value) = value.filter(|value| range.contains(value)) {
            return Ok(value);
        }
        // Without bounds in the document, those of the type are left.
        let (low, high) = range;
        let low = if low == Bound::Unbounded { Bound::Included(i64::MIN) } else { low };
        let high = if high == Bound::Unbounded { Bound::Included(i64::MAX) } else { high };
        let range = numbers((low, high), Number::Integer);
        Err(OutOfBounds { number, range: Some(range) })
    }
}

fn numbers<T>((low, high): (Bound<T>, Bound<T>), number: fn(T) -> Number) -> (Bound<Number>, Bound<Number>) {
    (low.map(number), high.map(number))
}

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
    number: Number,
    /// The allowed range. `None` if the number has a fraction and must be a whole number.
    range: Option<(Bound<Number>, Bound<Number>)>,
}

impl OutOfBounds {
    pub(crate) fn check(value: f64, range: (Bound<f64>, Bound<f64>)) -> Result<(), Self> {
        f64::within(value.into(), range).map(drop)
    }
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(range) = self.range else { return write!(f, "{} is not a whole number", self.number) };
        write!(f, "{} is out of range, expected ", self.number)?;
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
/// also checks the bounds. The conversions are those of `from`.
macro_rules! bounded_number {
    ($(#[$doc:meta])* $name:ident(f64), $low:expr, $high:expr) => {
        $crate::ext::bounded_number!($(#[$doc])* $name(f64), $low, $high, read "f64", from f64);
    };
    ($(#[$doc:meta])* $name:ident(i64), $low:expr, $high:expr) => {
        // Without `i32`, a literal would not be converted.
        $crate::ext::bounded_number!(
            $(#[$doc])* $name(i64), $low, $high,
            // Not an `f64`, which would round a large integer.
            read "crate::ext::Number", from i8 i16 i32 i64 u8 u16 u32 u64 usize f64
        );
    };
    ($(#[$doc:meta])* $name:ident($repr:ty), $low:expr, $high:expr, read $read:literal, from $($source:ident)*) => {
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// `try_from` returns [`OutOfBounds`](crate::OutOfBounds) for a number outside
        /// [`Self::RANGE`]. See that type for an example.
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(try_from = $read)]
        pub struct $name($repr);

        impl $name {
            /// The bounds in the API's published document. See [`OutOfBounds`](crate::OutOfBounds) for an
            /// example.
            pub const RANGE: (::std::ops::Bound<$repr>, ::std::ops::Bound<$repr>) = ($low, $high);

            /// Returns the number. See [`OutOfBounds`](crate::OutOfBounds) for an example.
            #[must_use]
            pub fn get(self) -> $repr {
                self.0
            }
        }

        impl ::std::convert::TryFrom<crate::ext::Number> for $name {
            type Error = crate::ext::OutOfBounds;

            fn try_from(number: crate::ext::Number) -> ::std::result::Result<Self, Self::Error> {
                crate::ext::Bounded::within(number, Self::RANGE).map(Self)
            }
        }

        $(
            impl ::std::convert::TryFrom<$source> for $name {
                type Error = crate::ext::OutOfBounds;

                fn try_from(value: $source) -> ::std::result::Result<Self, Self::Error> {
                    crate::ext::Number::from(value).try_into()
                }
            }
        )*

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }
    };
}
pub(crate) use bounded_number;

#[cfg(test)]
mod tests;
