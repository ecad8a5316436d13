//! The relation between the schemas of a receiver and of a sender.
//!
//! `accepts` holds if the receiver takes every value of a sender that sends only what its own schema declares.
//! The answer for two schemas depends on the answers for the schemas within them, which may contain themselves.
//! Every answer therefore starts as "yes" and is only ever raised, until nothing changes. This needs no stack,
//! however deep a document is.

use std::{
    collections::{HashMap, VecDeque},
    rc::Rc,
};

use super::{
    key::Key,
    norm::{Norm, Norms},
};
use crate::spec::diff::{node::ResolvedNode, notation::Notation, rules::Direction};

/// The number of questions that are asked about two documents.
const MAX_QUESTIONS: usize = 500_000;

/// An answer, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answer {
    /// The receiver takes every value.
    Yes,
    /// The receiver may refuse a value.
    Maybe,
    /// A limit was reached before the answer was found.
    Unknown,
    /// The receiver refuses a value.
    No,
}

/// How the values of two schemas are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Relation {
    /// Both schemas have the same meaning.
    Same,
    /// The receiver takes what the sender sends.
    Accepts {
        direction: Direction,
        notation: Notation,
        /// `true` if a single value is also a list of one.
        list: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Question {
    pub(super) relation: Relation,
    pub(super) receiver: Key,
    pub(super) sender: Key,
}

#[derive(Debug)]
struct State {
    question: Question,
    answer: Answer,
    /// The questions whose answers depend on this one.
    dependents: Vec<usize>,
    queued: bool,
}

/// The questions about two documents, and their answers.
#[derive(Debug, Default)]
pub(super) struct Relations<'a> {
    norms: Norms<'a>,
    ids: HashMap<Question, usize>,
    states: Vec<State>,
    queue: VecDeque<usize>,
    current: Option<usize>,
}

impl<'a> Relations<'a> {
    pub(super) fn key(&mut self, node: ResolvedNode<'a>) -> Key {
        self.norms.keys.of(node)
    }

    pub(super) fn norm(&mut self, key: Key) -> Rc<Norm> {
        self.norms.norm(key)
    }

    /// Returns the final answer to a question.
    pub(super) fn answer(&mut self, question: Question) -> Answer {
        self.current = None;
        let first = self.id(question);
        self.settle();
        first.map_or(Answer::Unknown, |id| self.states[id].answer)
    }

    /// Returns the answer of a function that asks, once all its questions have their final answers.
    pub(super) fn settled(&mut self, mut answer: impl FnMut(&mut Self) -> Answer) -> Answer {
        loop {
            self.current = None;
            let answer = answer(self);
            if self.queue.is_empty() {
                return answer;
            }
            self.settle();
        }
    }

    /// Returns the answer so far. If it is raised later, the current question is asked again.
    pub(super) fn ask(&mut self, question: Question) -> Answer {
        let Some(id) = self.id(question) else { return Answer::Unknown };
        let state = &mut self.states[id];
        if state.answer < Answer::No {
            state.dependents.extend(self.current);
        }
        state.answer
    }

    fn id(&mut self, question: Question) -> Option<usize> {
        if let Some(known) = self.ids.get(&question) {
            return Some(*known);
        }
        if self.states.len() >= MAX_QUESTIONS {
            return None;
        }
        let id = self.states.len();
        self.ids.insert(question, id);
        self.states.push(State { question, answer: Answer::Yes, dependents: Vec::new(), queued: true });
        self.queue.push_back(id);
        Some(id)
    }

    /// Asks the questions whose answers may still be raised.
    fn settle(&mut self) {
        while let Some(id) = self.queue.pop_front() {
            self.states[id].queued = false;
            self.update(id);
        }
    }

    fn update(&mut self, id: usize) {
        let State { question, answer: before, .. } = self.states[id];
        if before == Answer::No {
            return;
        }
        self.current = Some(id);
        let answer = self.evaluate(question).max(before);
        if answer == before {
            return;
        }
        self.states[id].answer = answer;
        for dependent in std::mem::take(&mut self.states[id].dependents) {
            let state = &mut self.states[dependent];
            if !state.queued {
                state.queued = true;
                self.queue.push_back(dependent);
            }
        }
    }

    fn evaluate(&mut self, question: Question) -> Answer {
        if question.receiver == question.sender {
            return Answer::Yes;
        }
        let (receiver, sender) = (self.norm(question.receiver), self.norm(question.sender));
        match question.relation {
            Relation::Same => self.is_same(&receiver, &sender),
            Relation::Accepts { .. } => self.accepts(question.relation, &receiver, &sender),
        }
    }
}
