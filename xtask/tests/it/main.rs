//! The tool as a person runs it: what it says, how it exits, and what is on disk afterwards.

mod accept;
mod build;
mod drift;
mod fetch;
mod merge;
mod network;
mod sibling_pages;
mod support;
