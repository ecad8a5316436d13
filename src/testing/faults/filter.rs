//! Conditions on the requests that a rule of a script counts.

use std::{fmt, sync::Arc};

use serde::Deserialize;

use super::received_request::ReceivedRequest;
use crate::TaskId;

/// Conditions on a request. A rule counts only requests that meet all of them.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Filter {
    text: Option<String>,
    text_contains: Option<String>,
    task: Option<TaskId>,
    #[serde(skip)]
    predicates: Vec<Predicate>,
}

type Predicate = Arc<dyn Fn(&ReceivedRequest) -> bool + Send + Sync>;

impl Filter {
    pub(crate) fn text(&mut self, text: String) {
        self.text = Some(text);
    }

    pub(crate) fn text_contains(&mut self, part: String) {
        self.text_contains = Some(part);
    }

    pub(crate) fn task(&mut self, id: TaskId) {
        self.task = Some(id);
    }

    pub(crate) fn predicate(&mut self, predicate: Predicate) {
        self.predicates.push(predicate);
    }

    pub(crate) fn matches(&self, request: &ReceivedRequest) -> bool {
        let text = request.text.as_deref();
        self.text.as_deref().is_none_or(|expected| text == Some(expected))
            && self.text_contains.as_ref().is_none_or(|part| text.is_some_and(|text| text.contains(part)))
            && self.task.as_ref().is_none_or(|id| request.task.as_ref() == Some(id))
            && self.predicates.iter().all(|predicate| predicate(request))
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filter")
            .field("text", &self.text)
            .field("text_contains", &self.text_contains)
            .field("task", &self.task)
            .field("predicates", &self.predicates.len())
            .finish()
    }
}
