//! The names under which a store keeps what it has learned.

use crate::types::{SpeechRequest, Voice};

/// The names of what a store learns from such requests.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LearnedNames {
    /// The name of the lengths of the audio: by API, model and voice.
    pub(crate) rate: Box<str>,
    /// The name of the durations of the tasks: by API and model.
    pub(crate) durations: Box<str>,
}

impl LearnedNames {
    pub(crate) fn of(base_url: &str, speech: &SpeechRequest) -> Self {
        let (model, voice) = (&speech.model, speech.voice.as_ref().map(Voice::to_string).unwrap_or_default());
        Self {
            rate: format!("rate {base_url} {model} {voice}").into(),
            durations: format!("durations {base_url} {model}").into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audio_is_learned_by_voice_and_tasks_are_not() {
        let speech = SpeechRequest::new("Hello.".parse().unwrap()).voice("nora");
        let names = LearnedNames::of("https://example.com", &speech);
        assert_eq!(&*names.rate, "rate https://example.com Chatterbox nora");
        assert_eq!(&*names.durations, "durations https://example.com Chatterbox");
    }
}
