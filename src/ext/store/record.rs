//! The record of one request, and how it changes. Everything here is pure.

use std::time::SystemTime;

use serde::{Deserialize, Serialize, de::Error as _};

use super::audio_files::StoredAudio;
use crate::{TaskId, ext::retry::in_doubt::InDoubtAttempts};

/// The state of a request. The words are part of the file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RecordState {
    /// About to be sent. From here on, the request may be billed.
    Announced,
    /// The server may have accepted the request.
    InDoubt,
    /// The server has accepted the request.
    Submitted,
    /// The task is finished.
    Stored,
    /// The task has failed.
    Failed,
}

/// The data by which a person identifies a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct About {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) voice: Option<Box<str>>,
    pub(super) characters: usize,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) take: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) state: RecordState,
    /// Seconds since 1970 by this machine's clock, at the last change.
    pub(super) at: f64,
    /// The task id as text, because serde refuses some ids as a [`TaskId`].
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The number of earlier attempts that the server may have accepted.
    #[serde(default, skip_serializing_if = "is_zero")]
    in_doubt: u32,
    #[serde(flatten)]
    pub(super) about: About,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) audio: Option<StoredAudio>,
    /// The duration of the audio in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seconds: Option<f64>,
    /// The server's timestamps, without a unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) finished: Option<f64>,
    /// The finished speech that is spoken again. It counts again if the new speech fails or was not billed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Box<Record>>,
    /// The job with `redo` that spoke the text and is not finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) redone_by: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The time for [`Record::at`], in milliseconds' precision.
pub(super) fn now() -> f64 {
    #[cfg(test)]
    if let Some(now) = crate::ext::world::current::seconds_since_1970() {
        return now;
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    (now.as_secs_f64() * 1_000.0).round() / 1_000.0
}

/// The finished speech of a record.
#[expect(clippy::struct_field_names, reason = "`finished` is the API's name of the timestamp")]
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finished {
    pub(super) id: TaskId,
    pub(super) created: Option<f64>,
    pub(super) finished: Option<f64>,
    pub(super) audio: Option<StoredAudio>,
}

/// What tells an announcement from the earlier and later ones of the same request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Announcement {
    at: f64,
    /// The attempts in doubt before it.
    pub(super) prior_attempts: InDoubtAttempts,
}

/// The meaning of a record for a new submission of the same request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Meaning {
    /// The request may be submitted, because no attempt is billed.
    New,
    /// Attempts that may be billed, perhaps with the task id of an error response.
    InDoubt(InDoubtAttempts, Option<TaskId>),
    Submitted(TaskId),
    Stored(Finished),
}

impl Record {
    /// Reads a record. Reading a damaged one as another state could submit its request again.
    pub(super) fn parse(bytes: &[u8]) -> serde_json::Result<Self> {
        let record: Self = serde_json::from_slice(bytes)?;
        record.problem().map_or(Ok(record), |problem| Err(serde_json::Error::custom(problem)))
    }

    fn problem(&self) -> Option<&'static str> {
        match self.state {
            RecordState::Submitted | RecordState::Stored if self.id.is_none() => {
                Some("the task id is missing")
            }
            RecordState::Submitted | RecordState::Stored if self.in_doubt > 0 => {
                Some("an accepted request has attempts in doubt")
            }
            RecordState::InDoubt if self.in_doubt == 0 => Some("the number of attempts in doubt is missing"),
            _ => {
                let before = self.before.as_ref()?;
                (before.state != RecordState::Stored || before.problem().is_some())
                    .then_some("the earlier speech is not finished")
            }
        }
    }

    /// Returns the record of a request that is about to be sent.
    pub(super) fn announce(earlier: Option<Self>, about: About) -> Self {
        let mut new = Self {
            state: RecordState::Announced,
            at: now(),
            id: None,
            in_doubt: 0,
            about,
            audio: None,
            seconds: None,
            created: None,
            finished: None,
            before: None,
            redone_by: None,
        };
        if let Some(earlier) = earlier {
            new.in_doubt = earlier.in_doubt_attempts().count();
            new.redone_by = earlier.redone_by.filter(|_| earlier.state != RecordState::Stored);
            new.before = match earlier.state {
                RecordState::Stored => Some(Box::new(earlier)),
                _ => earlier.before,
            };
        }
        new
    }

    /// Takes an announcement back: the server has not accepted the request. Returns `None` if nothing is left to know.
    pub(super) fn not_sent(self) -> Option<Self> {
        match self.state {
            RecordState::Announced if self.in_doubt > 0 => {
                Some(Self { state: RecordState::InDoubt, at: now(), ..self })
            }
            RecordState::Announced => self.before.map(|before| *before),
            _ => Some(self),
        }
    }

    /// A person has found out that no attempt was billed. Returns `None` if nothing is left to know.
    pub(super) fn not_billed(self) -> Option<Self> {
        Self { state: RecordState::Announced, in_doubt: 0, ..self }.not_sent()
    }

    /// The server may have accepted the request. Its error response may contain a task id.
    pub(super) fn doubted(self, id: Option<&TaskId>) -> Self {
        let in_doubt = self.in_doubt_attempts().count().max(1);
        let id = id.map(|id| id.as_str().to_owned());
        Self { state: RecordState::InDoubt, at: now(), in_doubt, id, ..self }
    }

    pub(super) fn submitted(self, id: &TaskId) -> Self {
        let id = Some(id.as_str().to_owned());
        Self { state: RecordState::Submitted, at: now(), in_doubt: 0, id, ..self }
    }

    /// The task is finished.
    pub(super) fn stored(self, finished: Finished) -> Self {
        let is_same = self.is_of(&finished.id);
        let redone_by = self.redone_by.filter(|_| is_same);
        // An earlier wait for the task may have kept the audio, or found out its duration.
        let (kept, known) = (self.audio.filter(|_| is_same), self.seconds.filter(|_| is_same));
        let Finished { id, created, finished, audio } = finished;
        let audio = audio.or(kept);
        Self {
            state: RecordState::Stored,
            at: now(),
            id: Some(id.as_str().to_owned()),
            in_doubt: 0,
            seconds: audio.as_ref().and_then(|audio| audio.seconds).or(known),
            audio,
            created,
            finished,
            before: None,
            redone_by,
            ..self
        }
    }

    /// The job that spoke the text again is finished.
    pub(super) fn job_finished(self) -> Self {
        Self { redone_by: None, ..self }
    }

    /// The task has failed. A speech that was spoken again is as before.
    pub(super) fn failed(self) -> Self {
        match self.before {
            Some(before) => *before,
            None => Self { state: RecordState::Failed, at: now(), ..self },
        }
    }

    /// Returns the attempts that may be billed.
    pub(super) fn in_doubt_attempts(&self) -> InDoubtAttempts {
        InDoubtAttempts::of(self.in_doubt).plus_one_if(self.state == RecordState::Announced)
    }

    /// Returns the attempts that may be billed, without the one that is announced.
    pub(super) fn prior_attempts(&self) -> u32 {
        self.in_doubt
    }

    pub(super) fn announcement(&self) -> Option<Announcement> {
        let announcement = Announcement { at: self.at, prior_attempts: InDoubtAttempts::of(self.in_doubt) };
        self.is_announced().then_some(announcement)
    }

    pub(super) fn task_id(&self) -> Option<TaskId> {
        self.id.as_deref().map(TaskId::new_unchecked)
    }

    pub(super) fn is_announced(&self) -> bool {
        self.state == RecordState::Announced
    }

    /// Returns `true` if the record says the same already, or more.
    pub(super) fn is_stored_as(&self, finished: &Finished) -> bool {
        let has_audio = finished.audio.is_none() || self.audio == finished.audio;
        self.state == RecordState::Stored && self.is_of(&finished.id) && has_audio
    }

    /// Returns `true` if the record is about this task.
    pub(super) fn is_of(&self, id: &TaskId) -> bool {
        self.id.as_deref() == Some(id.as_str())
    }

    pub(super) fn meaning(&self) -> Meaning {
        match (self.state, self.task_id()) {
            (RecordState::Submitted, Some(id)) => Meaning::Submitted(id),
            (RecordState::Stored, Some(id)) => Meaning::Stored(Finished {
                id,
                created: self.created,
                finished: self.finished,
                audio: self.audio.clone(),
            }),
            (RecordState::Announced | RecordState::InDoubt, id) => {
                Meaning::InDoubt(self.in_doubt_attempts(), id)
            }
            // `parse` refuses a submitted or stored record without a task id.
            (RecordState::Failed | RecordState::Submitted | RecordState::Stored, _) => Meaning::New,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ext::store::fuzzing::check_record;

    fn record(text: &str) -> Record {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn time_of_a_record_is_in_seconds_since_1970() {
        let expected = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
        assert!((now() - expected).abs() < 60.0, "{} {expected}", now());
    }

    #[test]
    fn records_keep_task_ids_and_doubts() {
        let mut count = 0;
        for entry in std::fs::read_dir("fuzz/seeds/record").unwrap() {
            let path = entry.unwrap().path();
            assert!(check_record(&std::fs::read(&path).unwrap()), "{}", path.display());
            count += 1;
        }
        assert!(count >= 8, "{count}");
        assert!(!check_record(b"{}"));
    }

    #[test]
    fn record_without_what_its_state_needs_is_refused() {
        for text in [
            r#"{"state":"submitted","at":1,"characters":2}"#,
            r#"{"state":"stored","at":1,"characters":2}"#,
            r#"{"state":"submitted","at":1,"id":"a","in_doubt":1,"characters":2}"#,
            r#"{"state":"stored","at":1,"id":"a","in_doubt":1,"characters":2}"#,
            r#"{"state":"in_doubt","at":1,"characters":2}"#,
            r#"{"state":"announced","at":1,"characters":2,"before":{"state":"failed","at":1,"characters":2}}"#,
            r#"{"state":"announced","at":1,"characters":2,"before":{"state":"stored","at":1,"characters":2}}"#,
        ] {
            assert!(Record::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn record_is_written_with_stable_names() {
        let about = About {
            label: Some("line 1".into()),
            voice: Some("nora".into()),
            characters: 12,
            take: 3,
            text: None,
        };
        let announced = Record { at: 1.5, ..Record::announce(None, about) };
        let text =
            r#"{"state":"announced","at":1.5,"label":"line 1","voice":"nora","characters":12,"take":3}"#;
        assert_eq!(serde_json::to_string(&announced).unwrap(), text);
        let submitted = Record { at: 2.0, ..announced.submitted(&TaskId::new_unchecked("a")) };
        let text = r#"{"state":"submitted","at":2.0,"id":"a","label":"line 1","voice":"nora","characters":12,"take":3}"#;
        assert_eq!(serde_json::to_string(&submitted).unwrap(), text);
        assert_eq!(record(&text.replace('}', r#","later":1}"#)), submitted, "unknown fields are ignored");
    }

    #[test]
    fn facts_of_a_speech_outlive_a_later_fetch_of_it() {
        let finished =
            |id: &str| Finished { id: TaskId::new_unchecked(id), created: None, finished: None, audio: None };
        let audio = StoredAudio { bytes: 44, sha256: "ab".to_owned(), seconds: Some(1.5) };
        let stored =
            record(r#"{"state":"stored","at":1,"id":"a","characters":2,"seconds":1.5,"redone_by":7}"#);
        let stored = Record { audio: Some(audio.clone()), ..stored };
        assert!(stored.is_stored_as(&finished("a")), "a wait that did not keep the audio changes nothing");
        let again = stored.clone().stored(finished("a"));
        assert_eq!((again.seconds, again.redone_by, again.audio), (Some(1.5), Some(7), Some(audio)));
        let other = stored.stored(finished("b"));
        assert_eq!((other.seconds, other.redone_by, other.audio), (None, None, None));
    }

    #[test]
    fn failed_speech_of_a_text_that_is_spoken_again_leaves_the_earlier_one() {
        let stored = record(r#"{"state":"stored","at":1,"id":"a","characters":2}"#);
        let again = Record::announce(Some(stored.clone()), stored.about.clone());
        let again = again.submitted(&TaskId::new_unchecked("b"));
        assert_eq!(again.meaning(), Meaning::Submitted(TaskId::new_unchecked("b")));
        assert_eq!(again.clone().failed(), stored);
        let finished =
            Finished { id: TaskId::new_unchecked("b"), created: None, finished: None, audio: None };
        assert_eq!(again.stored(finished).redone_by, None);
    }

    #[test]
    fn record_tells_from_its_announcement_on_that_a_job_speaks_the_text_again() {
        let stored = record(r#"{"state":"stored","at":1,"id":"a","characters":2}"#);
        let announced = Record::announce(Some(stored.clone()), stored.about.clone());
        let announced = Record { redone_by: Some(7), ..announced };
        let again = announced.clone().submitted(&TaskId::new_unchecked("b"));
        let finished =
            Finished { id: TaskId::new_unchecked("b"), created: None, finished: None, audio: None };
        assert!(
            again.clone().stored(finished).redone_by.is_some(),
            "an equal request that is not of the job ends first"
        );
        assert_eq!(again.failed(), stored);
        // The job is killed, and its attempt in doubt is resubmitted.
        let resubmitted = Record::announce(Some(announced), stored.about.clone());
        assert_eq!(resubmitted.redone_by, Some(7));
        let stored = Record { redone_by: Some(7), ..stored };
        assert_eq!(Record::announce(Some(stored.clone()), stored.about).redone_by, None);
    }

    #[test]
    fn every_change_of_a_record_sets_the_time() {
        let announced = record(r#"{"state":"announced","at":1,"in_doubt":1,"characters":2}"#);
        let id = TaskId::new_unchecked("a");
        let finished = Finished { id: id.clone(), created: None, finished: None, audio: None };
        for changed in [
            announced.clone().not_sent().unwrap(),
            announced.clone().doubted(None),
            announced.clone().submitted(&id),
            announced.clone().stored(finished),
            announced.failed(),
        ] {
            assert!(changed.at > 1.0, "{changed:?}");
        }
    }

    #[test]
    fn stored_record_has_the_facts_of_the_finished_task() {
        let before = r#"{"state":"stored","at":1,"id":"a","characters":2}"#;
        let announced = record(&format!(
            r#"{{"state":"announced","at":1,"in_doubt":1,"characters":2,"before":{before}}}"#
        ));
        let id = TaskId::new_unchecked("b");
        let finished = Finished { id, created: Some(1.0), finished: Some(2.0), audio: None };
        let stored = announced.stored(finished.clone());
        assert_eq!(stored.meaning(), Meaning::Stored(finished));
        assert_eq!((stored.in_doubt, &stored.before), (0, &None));
    }

    #[test]
    fn request_of_failed_task_may_be_submitted_again() {
        let failed = record(r#"{"state":"submitted","at":1,"id":"a","characters":2}"#).failed();
        assert_eq!((failed.state, failed.meaning()), (RecordState::Failed, Meaning::New));
    }
}
