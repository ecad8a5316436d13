//! Names of earlier versions do not come back: each has a plainer successor, listed in the CHANGELOG where it was public.

use std::fs;

use crate::repository::{files, read, root};

/// Names of types and functions that occur nowhere any more, as whole words.
#[rustfmt::skip]
const GONE: &[&str] = &[
    "ABSENCE_GRACE", "absent_for", "absent_since", "ActiveJournal", "add_last", "after_doubts",
    "Agenda", "agenda", "agent_header", "ahead_of", "answer_by", "answer_with", "at_least",
    "AttemptOutcome", "BASE_URL_VARIABLE", "both_ways", "braced", "bytes_of", "Canned", "CATCH_UP",
    "caused_by", "Chore", "claim_body", "close_for", "closed_for", "correct_start", "decide_create",
    "decide_poll", "Ended", "every_report", "Facet", "Fate", "fates", "first_stage", "FOR_EVER",
    "from_fault", "GIVEN_UP", "given_up", "half_a_round_trip", "hand_out", "hear_consumer",
    "hear_journal", "hear_server", "Hint", "Hoisted", "hold_back", "in_the_answer", "InTheAnswer",
    "into_order", "InvalidEntry", "is_absent", "is_woken", "is_words", "jittered", "json_reply",
    "key_refused", "KEY_VARIABLE", "KeyGenerator", "KeyState", "KeyStates", "KnownKey", "LARGEST_BODY",
    "last_fault", "LAST_LOOK", "Ledger", "left_untaken", "LONGEST_FORMAT", "LONGEST_HOLD",
    "LONGEST_STATUS", "may_follow", "may_go_on", "MESSAGE_LIMIT", "Misfortune", "MOST_CHANNELS",
    "MOST_SAMPLES", "nameless", "needs_two", "no_audio", "of_another_batch", "of_length", "of_piece",
    "on_one_line", "on_the_wire", "ON_THE_WIRE", "OnItsWay", "or_worse", "out_of_time", "outlast",
    "own_client", "PART_OF_AGE", "PartialFile", "parts_no_cluster", "PendingWrite", "poll_ended",
    "read_header", "ready_at", "refusal", "Refusal", "refuse_within_async", "Rehearsal", "Rehearsed",
    "RehearsedBatch", "ReplayError", "REPLY_LIMIT", "request_changed", "reset_mid_reply",
    "ResetMidReply", "rest_where", "Resubmit", "say_member", "Seizure", "send_one", "Spoil",
    "take_turn", "Tally", "tally", "told_with", "two_of_one_name", "Unfit", "unheard",
    "unlike_the_document", "Unreached", "Unreadable", "untake", "unwritable", "watched_later", "Wav",
    "with_body", "with_reply", "with_space", "without_sync", "write_synced", "write_through",
    "YET_TO_RUN",
    // Public until 0.2.
    "build_blocking", "ByIterator", "ByStream", "from_server", "IntoRequests", "start_blocking",
];

/// Items with common names, by the file in which they would be. `fn of` is fine elsewhere.
#[rustfmt::skip]
const GONE_FROM: &[(&str, &str)] = &[
    ("src/blocking/results.rs", "type Left"),
    ("src/ext/audio/atomic_file/mod.rs", "struct Beside, fn beside, const PIECE, fn failed, fn open"),
    ("src/ext/audio/download/mod.rs", "enum Stop, const ATTEMPTS, struct Version, fn changed, fn cut"),
    ("src/ext/audio/download/mod.rs", "fn count, fn end, fn accept, fn is_same, fn of, fn text"),
    ("src/ext/batch/active.rs", "struct Hands, struct Task, enum Stage, fn end"),
    ("src/ext/batch/config.rs", "struct Plan, fn apply, fn compare, fn keys_of"),
    ("src/ext/batch/engine/api.rs", "trait Api"),
    ("src/ext/batch/engine/mod.rs", "const ROUNDS, const TAKEN, fn repeated, fn take, fn begin"),
    ("src/ext/batch/engine/mod.rs", "fn checked, fn is_over, fn end"),
    ("src/ext/batch/engine/receive.rs", "fn created, fn note, fn polled"),
    ("src/ext/batch/engine/send.rs", "fn create, fn leaves"),
    ("src/ext/batch/mod.rs", "fn assembled"),
    ("src/ext/batch/pending.rs", "struct Draft, enum Begin, enum Settled, struct Log, fn left, fn held"),
    ("src/ext/batch/pending.rs", "fn weigh, fn sent, fn begin, fn ended"),
    ("src/ext/batch/progress.rs", "fn tell, const SPAN, fn taken, fn sent, enum End"),
    ("src/ext/batch/rate_limiter/mod.rs", "struct Budget, fn leave, fn room_at, const GUARD"),
    ("src/ext/batch/results.rs", "fn wind_up, fn halt, enum Stage"),
    ("src/ext/batch/scheduler.rs", "fn gather, const COMPARED"),
    ("src/ext/client/builder.rs", "enum Pace, fn parsed, fn positive, fn shown, fn variable"),
    ("src/ext/client/hooks.rs", "fn receive, fn legible, fn elsewhere, const MARK, const UNDOCUMENTED"),
    ("src/ext/client/hooks.rs", "fn read, fn text"),
    ("src/ext/client/mod.rs", "struct State, struct Shared, fn state"),
    ("src/ext/error/mod.rs", "fn ended, fn held, fn of_task"),
    ("src/ext/fuzzing.rs", "struct Answer, fn asked, fn answer, fn redacted, const ANSWERS, const ASKED"),
    ("src/ext/long_text/boundary/mod.rs", "fn cut, struct Place, struct Gap, fn suits, const AHEAD"),
    ("src/ext/long_text/boundary/mod.rs", "fn byte_of, fn last_of, fn anywhere, fn gaps, fn words"),
    ("src/ext/long_text/boundary/mod.rs", "fn clauses, fn sentences, fn in_order"),
    ("src/ext/long_text/fuzzing.rs", "struct Sound"),
    ("src/ext/long_text/mod.rs", "fn beside"),
    ("src/ext/long_text/narration.rs", "fn tell"),
    ("src/ext/long_text/splitter/mod.rs", "fn lengths"),
    ("src/ext/long_text/wav/header.rs", "const LENGTH, fn header"),
    ("src/ext/long_text/wav/joiner.rs", "struct Joined, fn take, fn told, enum Problem, fn begin"),
    ("src/ext/long_text/wav/joiner.rs", "fn beside, const SILENCE"),
    ("src/ext/audio/wav/reader/mod.rs", "enum Stage, const UNKNOWN, fn frame"),
    ("src/ext/polling/adaptive/mod.rs", "const DELAYS, const PRICE, const RUNNING, const WAITING"),
    ("src/ext/polling/duration_model/hazard_curve.rs", "const EDGE, fn interpolated"),
    ("src/ext/polling/duration_model/kernel_density.rs", "struct Belief, fn weigh, const WIDTH, fn tail"),
    ("src/ext/polling/duration_model/mod.rs", "struct Durations"),
    ("src/ext/polling/duration_model/sample.rs", "const MEMORY"),
    ("src/ext/polling/history/mod.rs", "enum Since, fn answered, const LONGEST, fn middle, fn finished"),
    ("src/ext/polling/poller/mod.rs", "struct Polling, struct Schedule, fn weigh, fn answered, fn begin"),
    ("src/ext/polling/poller/mod.rs", "fn over, const CERTAIN"),
    ("src/ext/polling/progress.rs", "struct Finished"),
    ("src/ext/polling/server_time.rs", "fn moment, fn between"),
    ("src/ext/polling/status.rs", "enum Phase"),
    ("src/ext/retry/policy/mod.rs", "fn decide, enum Verdict"),
    ("src/ext/retry/submit/mod.rs", "fn weigh, struct InFlight, fn landed, fn ended, fn pause, fn takes"),
    ("src/ext/retry/submit/mod.rs", "fn insist"),
    ("src/ext/speech/speak.rs", "struct Order, fn create, fn of, fn within, fn request"),
    ("src/ext/speech/wait.rs", "const DEADLINE"),
    ("src/ext/transport/api_key.rs", "fn redacted, const HIDDEN"),
    ("src/ext/transport/cooldown.rs", "struct Gate, fn pass, fn opens, fn spread, fn after, const SPREAD"),
    ("src/ext/transport/failure.rs", "struct Fault, enum What, struct Reply, fn outcome, fn words"),
    ("src/ext/transport/failure.rs", "fn shortened, fn answered"),
    ("src/ext/transport/once_body.rs", "struct Claim, fn give_up"),
    ("src/ext/transport/retry_after.rs", "fn until"),
    ("src/testing/faults/canned_response.rs", "fn hint"),
    ("src/testing/faults/rate_limit.rs", "fn hint"),
    ("src/testing/faults/replace.rs", "enum Instead, fn instead, fn replying, fn hint"),
    ("src/testing/faults/retry_after.rs", "const LONGEST"),
    ("src/testing/faults/script.rs", "struct Playing, fn turn"),
    ("src/testing/simulation/batch.rs", "struct Stage, fn world, struct World, struct Seen, fn begin"),
    ("src/testing/simulator/audio_host.rs", "fn decide, fn answer"),
    ("src/testing/simulator/builder.rs", "fn fate_of"),
    ("src/testing/simulator/control.rs", "fn fate_of"),
    ("src/testing/simulator/handler.rs", "fn exchange, fn proper, fn disturbed, fn whole"),
    ("src/testing/simulator/injector.rs", "fn fate_of, fn fate, fn fault, fn playing, struct Stage"),
    ("src/testing/simulator/listener.rs", "fn hold, fn converse, fn again"),
    ("src/testing/simulator/listener_control.rs", "struct Order, struct Switch, fn turn"),
    ("src/testing/simulator/published_spec.rs", "struct Contract, fn unlike, fn options, fn of"),
    ("src/testing/simulator/published_spec.rs", "fn published"),
    ("src/testing/simulator/raw_socket.rs", "fn perform"),
    ("src/testing/simulator/records.rs", "fn arrived"),
    ("src/testing/simulator/speech_api/mod.rs", "fn decide, fn admit, fn answer, fn is_of"),
    ("src/testing/simulator/state.rs", "struct Site, fn stage, fn ledger, fn switch"),
    ("src/testing/simulator/task.rs", "fn word"),
    ("src/testing/simulator/tone.rs", "fn of, fn blip"),
    ("xtask/src/bench/mod.rs", "fn shown, fn replaced"),
    ("xtask/src/failure.rs", "enum Class"),
    ("xtask/src/fuzz.rs", "fn plant, fn told, const SHOWN"),
    ("xtask/src/json/compare.rs", "fn show, fn equal, const SHOWN"),
    ("xtask/src/json/normalized/mod.rs", "fn spelling, fn whole"),
    ("xtask/src/spec/diagnostics.rs", "struct Problem, struct Problems, fn refuse, fn refused"),
    ("xtask/src/spec/diagnostics.rs", "const TOLD"),
    ("xtask/src/spec/diff/node.rs", "struct Node"),
    ("xtask/src/spec/diff/operation.rs", "struct Context"),
    ("xtask/src/spec/diff/recorder.rs", "struct Walk, fn say, fn alike, fn rest, fn same, fn joined"),
    ("xtask/src/spec/diff/recorder.rs", "fn nearest, fn flag, fn changed"),
    ("xtask/src/spec/diff/report/mod.rs", "struct Judge"),
    ("xtask/src/spec/diff/rules/document_rules.rs", "const DIRECT"),
    ("xtask/src/spec/diff/rules/mod.rs", "fn named, fn at"),
    ("xtask/src/spec/diff/rules/overrides.rs", "const DEPARTURES"),
    ("xtask/src/spec/diff/rules/position.rs", "enum Site, fn words"),
    ("xtask/src/spec/diff/rules/schema_rules.rs", "const FACETS, fn facet"),
    ("xtask/src/spec/diff/schema/digest.rs", "struct Shapes, fn all_of, fn glance, struct Budget"),
    ("xtask/src/spec/diff/schema/digest.rs", "fn hashed, fn said_by, fn list"),
    ("xtask/src/spec/diff/schema/matching.rs", "const MARKS, type Mark, fn left"),
    ("xtask/src/spec/diff/schema/mod.rs", "struct Task, struct Seen, fn say, fn say_key, fn say_at"),
    ("xtask/src/spec/diff/schema/mod.rs", "fn flag"),
    ("xtask/src/spec/diff/security/mod.rs", "fn told"),
    ("xtask/src/spec/diff/severity.rs", "enum Wire, enum Client"),
    ("xtask/src/spec/document.rs", "enum For"),
    ("xtask/src/spec/extract/assign.rs", "struct Unnamed, struct Known, fn line, fn key, fn suggestion"),
    ("xtask/src/spec/extract/assign.rs", "fn pascal, fn unused"),
    ("xtask/src/spec/extract/classify.rs", "enum Form, fn form, fn shape, fn split, fn wrapped"),
    ("xtask/src/spec/extract/mod.rs", "struct Inline, struct Open, fn hoist, fn inline"),
    ("xtask/src/spec/extract/names.rs", "fn words"),
    ("xtask/src/spec/extract/rewrite.rs", "fn carry, fn hoist, fn take, fn put"),
    ("xtask/src/spec/merge/pushdown.rs", "fn level"),
    ("xtask/src/spec/patches.rs", "fn guard"),
    ("xtask/src/spec/relax/annotate.rs", "fn tell"),
    ("xtask/src/spec/schema_locations.rs", "struct Site, struct Sides, const SENT, const RECEIVED"),
    ("xtask/src/spec/schema_locations.rs", "fn sites, fn reached"),
    ("xtask/src/spec/sources/lockfile.rs", "fn edited, fn renewed"),
    ("xtask/src/spec/traverse.rs", "fn text"),
    ("xtask/src/spec/validate/structure.rs", "fn refuse"),
    ("xtask/src/transaction/mod.rs", "fn take, fn undo, fn beside, fn stage"),
    ("xtask/src/workspace.rs", "struct Root"),
];

fn contains_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part))
}

#[test]
fn renamed_items_occur_nowhere() {
    let mut texts: Vec<_> = files(".rs").into_iter().chain(files(".md")).collect();
    texts.extend(["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root().join(name)));
    texts.extend(fs::read_dir(root().join("docs/guide")).unwrap().map(|entry| entry.unwrap().path()));
    // The names of generated types come from the API's documents.
    texts.retain(|path| !path.ends_with("tests/it/vocabulary.rs") && !path.ends_with("openapi/surface.rs"));
    assert!(texts.len() > 300, "{} files", texts.len());
    for path in texts {
        let text = fs::read_to_string(&path).unwrap();
        let found: Vec<_> = GONE.iter().filter(|name| contains_word(&text, name)).collect();
        assert!(found.is_empty(), "{}: {found:?}", path.display());
    }
}

#[test]
fn renamed_items_with_common_names_are_not_at_their_old_place() {
    for (file, items) in GONE_FROM {
        let text = read(file);
        for item in items.split(", ") {
            assert!(!contains_word(&text, item), "{file}: {item}");
        }
    }
}
