//! Compares the meaning of two schemas as a whole.
//!
//! The comparison of keywords ([`super::schema`]) names the changes, but it cannot see how they work together.
//! This module brings both schemas into one normal form ([`norm`]) and decides whether one side still takes
//! what the other sends ([`relation`]). The decision corrects the levels of the findings ([`decide`]).

mod accepts;
mod alternative;
mod anything;
mod candidates;
mod canonical;
mod condition;
mod conditions;
mod decide;
mod disjoint;
mod equal;
mod key;
mod limit;
mod mode;
mod norm;
mod object;
mod pattern;
mod reason;
mod relation;
mod schema;
mod word;

pub(super) use self::{
    anything::{accepts_anything, is_annotation},
    conditions::is_condition,
    decide::{Compared, Found, Frame, Origin, Root, decide},
    limit::compare_numbers,
    schema::{discriminator_values, references, subtypes},
};

#[cfg(test)]
mod tests;
