use super::*;

/// Returns the text before each boundary of at least this kind, from the boundary of this kind before it.
fn parts(text: &str, kind: Kind) -> Vec<&str> {
    let mut start = 0;
    let mut parts = Vec::new();
    for boundary in boundaries(text).into_iter().filter(|boundary| boundary.kind >= kind) {
        parts.push(&text[start..boundary.end]);
        start = boundary.start;
    }
    parts.push(&text[start..]);
    parts
}

/// Sentences in several languages, with `|` after each.
const SENTENCES: &[&str] = &[
    // English
    "Call me Ishmael.| Some years ago, I went to sea.",
    "Dr. Smith met Mrs. Jones at 5 p.m. on St. John’s Road, cf. vol. 3, No. 512.| They talked.",
    "Use a tool, e.g. Excel, i.e. a table.| The U.S. Army left.| J. R. R. Tolkien wrote it.",
    "It costs 3.50 a piece, see https://example.com/?q=Tea!Time&x=1.5 for details.| Or not.",
    "Open https://example.com/a.B/?c=1.| Then read on.",
    "“No, I won’t.”| And on he went.| (So it was.)| Then she left!| Why?| “Because…”",
    "“Stop!” he said.| “Never!” cried she.",
    "He wrote \"Go away.\"| Then \"come back!\" followed.",
    "Wait...| The door opened.",
    "A line\nthat goes on.| Another\nline.",
    // German
    "Am 29. Juli kam Dr. Meier, z. B. Mit Frau bzw. Kind, ca. 20 Leute.| Der 3. Tag war schön.",
    "Im 19. Jahrhundert, u. a. In Köln, vgl. S. 12, lebte Hr. Schmidt.| Er starb 1899.| Nr. 7 blieb.",
    "„Komm!“, rief er.| „Ich gehe.“| Dann ging er.| »Ja.«| »Nein.«",
    // French
    "« Vraiment ? »| Puis M. Dupont et Mme Durand sortirent.| Il dit : « Non ! »| C’est tout.",
    "Voir p. ex. Molière, art. 5, av. J.-C. Environ.| L’eau est froide.",
    // Spanish
    "¿Qué dices?| ¡No lo sé!| El Sr. García y la Sra. López, p. ej. Ana, llegaron.| Ud. Sabe.",
    // Italian
    "Il dott. Rossi e la sig. Bianchi partirono.| Perché?| Non si sa.",
    // Russian
    "А. С. Пушкин жил на ул. Мойка, т. е. В центре.| Он писал стихи.| См. Стр. 512.| Конец.",
    // Greek, where a question ends with `;`, which counts as the end of a clause
    "Τι είναι αυτό; Δεν ξέρω.| Πάμε.",
    // Chinese
    "今天天气很好。|我们去公园吧！|你说呢？|他说：“你好。”|然后走了。",
    "他说（很慢）：「走吧。」|《红楼梦》很长。|（注：很长。）|完。",
    "他说:\"好。\"|\"走吧。\"|他走了。",
    // Japanese
    "今日は晴れ。|「明日は雨です。」と言った。|（本当？）|『こころ』を読む。",
    // Korean
    "오늘은 날씨가 좋다.| 내일은 비가 온다.| 정말?",
    // Hindi
    "क्या हाल है?| मैं ठीक हूँ।| चलो।",
    // Arabic
    "كيف حالك؟| أنا بخير.| شكرا.",
    // Armenian and Amharic
    "Բարեւ։| Ինչպես ես։",
    "ሰላም።| እንዴት ነህ።",
    // Thai has no mark at the end of a sentence, so only white space is found.
    "สวัสดีครับ ผมชื่อสมชาย",
];

#[test]
fn sentences_of_several_languages_end_where_marked() {
    let mut problems = Vec::new();
    for marked in SENTENCES {
        let text = marked.replace('|', "");
        let expected: Vec<&str> = marked.split('|').map(str::trim).collect();
        let found = parts(&text, Kind::Sentence);
        if found != expected {
            problems.push(format!("{found:?}\n  expected {expected:?}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn opening_mark_stays_with_following_text() {
    for text in [
        "他说（很慢）他走了",
        "我读《红楼梦》和「西游记」",
        "「はい」と『いいえ』（笑）",
        "他说，\"走吧，\"然后，“好，”",
        "see(this)and[that]",
        "« Bonjour », dit-il ( puis ) « Non »",
    ] {
        for boundary in boundaries(text) {
            let (before, after) = (&text[..boundary.end], &text[boundary.start..]);
            assert!(!before.ends_with(['（', '《', '「', '『', '“', '(', '[', '«']), "{before:?}");
            assert!(!after.starts_with(['）', '》', '」', '』', '”', ')', ']', '»', '，']), "{after:?}");
        }
    }
    // The inch mark in the line before opens no quotation.
    let next_line = parts("5\"长。\r他说：\"好\"", Kind::Clause);
    assert_eq!(next_line, parts("5\"长。\n他说：\"好\"", Kind::Clause));
    let clauses = parts("他说，\"走吧，\"然后，\"好\"", Kind::Clause);
    assert_eq!(clauses, ["他说，", "\"走吧，\"", "然后，", "\"好\""]);
}

#[test]
fn boundary_after_abbreviation_or_number_is_worst() {
    let text = "Am 29. Juli kam Dr. Meier, z. B. Mit Frau.";
    let kinds: Vec<_> =
        boundaries(text).into_iter().filter(|boundary| boundary.kind == Kind::Abbreviation).collect();
    let after: Vec<&str> =
        kinds.iter().map(|boundary| text[boundary.start..].split(' ').next().unwrap()).collect();
    assert_eq!(after, ["Juli", "Meier,", "B.", "Mit"]);
}

#[test]
fn kinds_of_boundaries_are_told_apart() {
    let kind_at = |text: &str, after: &str| {
        let start = text.find(after).unwrap();
        boundaries(text).into_iter().find(|boundary| boundary.start == start).map(|boundary| boundary.kind)
    };
    #[rustfmt::skip]
    let table = [
        ("One two.\n\nThree", "Three",   Some(Kind::Paragraph)),
        ("One two.\u{2029}Three", "Three", Some(Kind::Paragraph)),
        ("One two.\r\n\r\nThree", "Three", Some(Kind::Paragraph)),
        ("One two.\r\rThree", "Three",   Some(Kind::Paragraph)),
        ("One two.\r \rThree", "Three",  Some(Kind::Paragraph)),
        ("One two.\n\rThree", "Three",   Some(Kind::Paragraph)),
        ("a one, two", "two",            Some(Kind::Clause)),
        ("wait—no", "no",                Some(Kind::Clause)),
        ("春、夏、秋", "夏",               Some(Kind::Clause)),
        ("“No—” and she", "and",         Some(Kind::Clause)),
        ("I met Tom. He", "He",          Some(Kind::DoubtfulSentence)),
        ("“Stop!” he said", "he",        Some(Kind::DoubtfulSentence)),
        ("「はい。」と言う", "と",          Some(Kind::DoubtfulSentence)),
        ("Ludwig XIV. Der", "Der",       Some(Kind::DoubtfulSentence)),
        ("one two\nthree", "three",      Some(Kind::Line)),
        ("one two\rthree", "three",      Some(Kind::Line)),
        ("one two\r\nthree", "three",    Some(Kind::Line)),
        ("one two\r\r\nthree", "three",  Some(Kind::Line)),
        ("one two", "two",               Some(Kind::Word)),
        ("one-two", "two",               Some(Kind::WordPart)),
        ("日本", "本",                    Some(Kind::WordPart)),
        ("10\u{a0}km", "km",             None),
        ("10:30 or 1,000", "30",         Some(Kind::WordPart)),
        ("Non ! Oui", "!",               None),
    ];
    for (text, after, expected) in table {
        assert_eq!(kind_at(text, after), expected, "{text}");
    }
}
