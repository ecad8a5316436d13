//! One HTTP exchange with the API: the key, the body, the response, and what a failure says.

pub(crate) mod api_key;
pub(crate) mod cooldown;
pub(crate) mod failure;
pub(crate) mod instant;
pub(crate) mod named_task;
pub(crate) mod once_body;
pub(crate) mod retry_after;
