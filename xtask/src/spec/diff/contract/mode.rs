//! How the values of two alternatives are compared.

use super::{alternative::Kind, norm::Norm, relation::Relation};
use crate::spec::diff::{notation::Notation, rules::Direction};

/// How the values of two alternatives are compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mode {
    pub(super) direction: Direction,
    pub(super) notation: Notation,
    /// `true` if there are other alternatives of objects, of which tags select one.
    pub(super) tagged: bool,
    /// `true` if there are other alternatives of any kind.
    pub(super) union: bool,
}

impl Mode {
    pub(super) fn new(direction: Direction, notation: Notation, receiver: &Norm, sender: &Norm) -> Self {
        let objects = |norm: &Norm| norm.alternatives.iter().filter(|a| a.kind == Kind::Object).count();
        let count =
            |norm: &Norm| norm.alternatives.iter().filter(|a| a.kind != Kind::Null && !a.is_all()).count();
        let (tagged, union) =
            (objects(receiver).max(objects(sender)) > 1, count(receiver).max(count(sender)) > 1);
        Self { direction, notation, tagged, union }
    }

    /// Returns the relation of the items of lists.
    pub(super) fn relation(self) -> Relation {
        Relation::Accepts { direction: self.direction, notation: self.notation, list: false }
    }

    /// Returns the relation of the properties of objects.
    pub(super) fn relation_of_properties(self) -> Relation {
        Self { notation: self.notation.of_properties(), ..self }.relation()
    }
}
