//! Decides whether a full stop belongs to an abbreviation or an ordinal number.
//!
//! The lists are small on purpose. A missing entry costs a pause in an unusual place, and only if no better
//! boundary is near. Single letters (`J.`, `z. B.`), letters with full stops between them (`e.g.`, `U.S.`) and
//! numbers of one or two digits (`29. Juli`) need no entry.

/// Abbreviations that do not end a sentence, in lower case and without the last full stop.
const ABBREVIATIONS: &[&str] = &[
    // English
    "mr",
    "mrs",
    "ms",
    "dr",
    "prof",
    "st",
    "rev",
    "hon",
    "gen",
    "col",
    "capt",
    "lt",
    "sgt",
    "sen",
    "rep",
    "gov",
    "vs",
    "cf",
    "viz",
    "approx",
    "dept",
    "est",
    "mt",
    "messrs",
    // German
    "bzw",
    "ca",
    "evtl",
    "ggf",
    "vgl",
    "sog",
    "inkl",
    "bspw",
    "hr",
    "fr",
    "frl",
    "str",
    "dipl",
    "ing",
    "geb",
    "gest",
    "abs",
    "abb",
    "hl",
    "zzgl",
    "mio",
    "mrd",
    "jh",
    "hrsg",
    // French
    "mme",
    "mlle",
    "mm",
    "mgr",
    "env",
    "av",
    "apr",
    "boul",
    "ex",
    // Spanish, Portuguese and Italian
    "sra",
    "srta",
    "dña",
    "dra",
    "ud",
    "uds",
    "ee",
    "uu",
    "ej",
    "núm",
    "avda",
    "exmo",
    "sig",
    "dott",
    "avv",
    // Russian
    "им",
    "ул",
    "см",
    "проф",
    "акад",
    "гр",
    "др",
    "напр",
    "просп",
    "св",
    "стр",
    "тыс",
];

/// Abbreviations that do not end a sentence before a number.
const BEFORE_NUMBERS: &[&str] = &[
    "no", "nos", "nr", "vol", "pp", "fig", "art", "ch", "sec", "bd", "kap", "pág", "cap", "par", "ст", "рис",
    "гл",
];

/// The longest text before the full stop that is compared with the lists.
const MAX_CHARS: usize = 16;

/// Returns `true` if the full stop at the end of `before` belongs to the word. `after` is the text that follows,
/// without white space.
pub(super) fn ends_with_abbreviation(before: &str, after: &str) -> bool {
    let Some(text) = before.strip_suffix('.') else { return false };
    let word_length = text.chars().rev().take(MAX_CHARS + 1).take_while(|c| !c.is_whitespace());
    let (count, bytes) = word_length.fold((0, 0), |(count, bytes), c| (count + 1, bytes + c.len_utf8()));
    if count > MAX_CHARS {
        return false;
    }
    let word = &text[text.len() - bytes..];
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    let count = word.chars().count();
    let is_number = |text: &str| text.starts_with(|c: char| c.is_numeric());
    if is_number(word) {
        let ends_ordinal = count <= 2 && word.chars().all(char::is_numeric);
        return ends_ordinal && after.starts_with(char::is_alphabetic);
    }
    let mut parts = word.split(['.', '-']);
    let is_short = |part: &str| part.chars().count() <= 2 && part.chars().all(char::is_alphabetic);
    if count == 1 || (word.contains('.') && parts.all(|part| !part.is_empty() && is_short(part))) {
        return word.starts_with(|c: char| c.is_lowercase() || c.is_uppercase());
    }
    let word = word.to_lowercase();
    ABBREVIATIONS.contains(&word.as_str()) || (is_number(after) && BEFORE_NUMBERS.contains(&word.as_str()))
}
