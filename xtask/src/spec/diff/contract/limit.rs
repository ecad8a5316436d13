//! Limits: the lowest and highest number, and the range of a length or count.

use std::cmp::Ordering;

use serde_json::Number;

/// One end of a range of numbers.
#[derive(Clone, Debug)]
pub(super) struct Limit {
    pub(super) value: Number,
    pub(super) exclusive: bool,
}

impl Limit {
    /// Returns the inclusive limit of integers that has the same meaning. `up` is `true` for a lower limit.
    pub(super) fn of_integers(self, up: bool) -> Self {
        let step = if up { 1 } else { -1 };
        let whole = self.value.as_i128().or_else(|| whole(&self.value, up));
        let Some(whole) = whole else { return self };
        let is_whole = compare_numbers(&self.value, &number(whole)) == Some(Ordering::Equal);
        let value = if self.exclusive && is_whole { whole.saturating_add(step) } else { whole };
        Self { value: number(value), exclusive: false }
    }

    /// Compares two lower limits, or two upper limits: the stricter lower limit is greater, the stricter upper
    /// limit is less.
    pub(super) fn compare(&self, other: &Self, up: bool) -> Ordering {
        let values = compare_numbers(&self.value, &other.value).unwrap_or(Ordering::Equal);
        let exclusive = self.exclusive.cmp(&other.exclusive);
        values.then(if up { exclusive } else { exclusive.reverse() })
    }

    /// Returns `true` if the number lies on the right side of the limit.
    pub(super) fn contains(&self, number: &Number, up: bool) -> bool {
        match compare_numbers(number, &self.value) {
            Some(Ordering::Equal) => !self.exclusive,
            Some(order) => (order == Ordering::Greater) == up,
            None => true,
        }
    }
}

impl PartialEq for Limit {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other, true) == Ordering::Equal
    }
}

/// Returns the stricter of two limits.
pub(super) fn stricter(one: Option<Limit>, other: Option<Limit>, up: bool) -> Option<Limit> {
    match (one, other) {
        (Some(one), Some(other)) => {
            let strict = if up { Ordering::Greater } else { Ordering::Less };
            Some(if one.compare(&other, up) == strict { one } else { other })
        }
        (one, other) => one.or(other),
    }
}

/// Compares two numbers. 1 and 1.0 are equal.
pub(in crate::spec::diff) fn compare_numbers(one: &Number, other: &Number) -> Option<Ordering> {
    let exact = one.as_i128().zip(other.as_i128()).map(|(one, other)| one.cmp(&other));
    exact.or_else(|| one.as_f64()?.partial_cmp(&other.as_f64()?))
}

/// Returns `true` if the number is a multiple of the step.
pub(super) fn is_multiple(number: &Number, step: &Number) -> bool {
    if let (Some(number), Some(step)) = (number.as_i128(), step.as_i128()) {
        return step == 0 || number % step == 0;
    }
    let (Some(number), Some(step)) = (number.as_f64(), step.as_f64()) else { return false };
    let ratio = number / step;
    (ratio - ratio.round()).abs() < 1e-9
}

pub(super) fn is_integer(number: &Number) -> bool {
    number.as_i128().is_some() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn number(value: i128) -> Number {
    Number::from_i128(value).unwrap_or_else(|| Number::from(if value < 0 { i64::MIN } else { i64::MAX }))
}

/// Returns the nearest integer above or below a number that is written as a fraction.
fn whole(value: &Number, up: bool) -> Option<i128> {
    let value = value.as_f64()?;
    let rounded = if up { value.ceil() } else { value.floor() };
    format!("{rounded:.0}").parse().ok()
}

/// The range of a length or a count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) min: u64,
    pub(super) max: Option<u64>,
}

impl Size {
    pub(super) fn meet(self, other: Self) -> Self {
        let max = match (self.max, other.max) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Self { min: self.min.max(other.min), max }
    }

    pub(super) fn is_empty(self) -> bool {
        self.max.is_some_and(|max| max < self.min)
    }

    pub(super) fn contains(self, other: Self) -> bool {
        self.min <= other.min && self.max.is_none_or(|max| other.max.is_some_and(|other| other <= max))
    }
}
