//! The paths of the audio host.

/// The path of audio: `/audio/{id}.wav`, or `/audio/{id}-2.wav` for the second one of a task. With
/// redirects, the path of the first request begins with their number: `/redirect-2/audio/{id}.wav`.
#[derive(Debug, PartialEq)]
pub(crate) struct AudioPath<'a> {
    pub(crate) id: &'a str,
    /// The number of the audio among those of its task, from 1.
    pub(crate) number: u32,
    pub(crate) redirects: u32,
    /// The path after all redirects.
    pub(crate) file: &'a str,
}

const ID_LENGTH: usize = 36;

pub(crate) fn audio_path(path: &str) -> Option<AudioPath<'_>> {
    let (redirects, file) = match path.strip_prefix("/redirect-") {
        Some(rest) => {
            let (count, _) = rest.split_once('/')?;
            (count.parse().ok()?, &rest[count.len()..])
        }
        None => (0, path),
    };
    let name = file.strip_prefix("/audio/")?.strip_suffix(".wav")?;
    let (id, suffix) = name.split_at_checked(ID_LENGTH)?;
    let number = match suffix.strip_prefix('-') {
        Some(number) => number.parse().ok()?,
        None if suffix.is_empty() => 1,
        None => return None,
    };
    Some(AudioPath { id, number, redirects, file })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1b671a64-40d5-491e-99b0-da01ff1f3341";

    #[test]
    fn audio_path_has_id_number_and_redirects() {
        for (path, number, redirects) in [
            (format!("/audio/{ID}.wav"), 1, 0),
            (format!("/audio/{ID}-2.wav"), 2, 0),
            (format!("/redirect-3/audio/{ID}-12.wav"), 12, 3),
        ] {
            let found = audio_path(&path).unwrap();
            assert_eq!((found.id, found.number, found.redirects), (ID, number, redirects));
            assert!(path.ends_with(found.file) && found.file.starts_with("/audio/"));
        }
        for path in
            ["/", "/audio/.wav", "/audio/x.wav", "/redirect-x/audio/", "/redirect-1", "/audio/ééé.wav"]
        {
            assert_eq!(audio_path(path), None, "{path}");
        }
        assert_eq!(audio_path(&format!("/audio/{ID}2.wav")), None);
    }
}
