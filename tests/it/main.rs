//! Integration tests of the crate as its users see it, over real sockets on loopback.

mod api;
mod auto_traits;
mod batch;
mod batch_ends;
mod batch_outages;
mod batch_start;
mod billed;
mod blocking;
mod configure_http;
mod connections;
mod cooldown;
mod download;
mod errors;
mod examples;
mod faults;
mod foreign_types;
#[cfg(unix)]
mod full_disk;
mod guide;
mod input;
mod kills;
mod layers;
mod long_text;
#[cfg(unix)]
mod other_languages;
mod pacing;
mod public_api;
mod readme;
mod repository;
mod schemas;
mod secrets;
mod simulator;
mod simulator_audio_host;
mod simulator_connection;
mod simulator_determinism;
mod simulator_driving;
mod simulator_example;
mod simulator_faults;
mod simulator_inspection;
mod simulator_outages;
#[cfg(unix)]
mod simulator_thread;
mod simulator_virtual_time;
mod simulator_wire;
mod store;
mod subtitles;
mod support;
mod surface;
mod user_code;
mod vocabulary;
mod waiting;
mod wav_readers;
