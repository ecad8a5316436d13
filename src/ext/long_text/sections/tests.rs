use super::{
    super::{heading::is_heading, splitter},
    *,
};

/// Returns the pieces of a text, each with what separates it from the piece before.
fn pieces(text: &str, paragraphs: bool, chapters: bool) -> Vec<(&str, Gap)> {
    let headings = headings(text, |line| chapters && is_heading(line));
    let mut splitter = SectionSplitter::new(sections(text, paragraphs, &headings), 64);
    std::iter::from_fn(|| splitter.next(text).map(|(piece, gap)| (&text[piece], gap))).collect()
}

const BOOK: &str = "Preface.\n\n# One\nA text.\n\nMore text.\r\n\r\nI\n\n* * *\n\n## Two\n\n\nEnd.\n\nI";

#[test]
fn piece_ends_at_each_paragraph_and_before_each_heading() {
    use Gap::{Chapter, Paragraph, Piece};
    let expected = [
        ("Preface.", Piece),
        ("# One\nA text.", Chapter),
        ("More text.", Paragraph),
        ("I\n\n* * *", Paragraph),
        ("## Two", Chapter),
        ("End.\n\nI", Paragraph),
    ];
    assert_eq!(pieces(BOOK, true, true), expected);
}

#[test]
fn piece_ends_only_at_wanted_sections() {
    use Gap::{Chapter, Paragraph, Piece};
    let texts = |paragraphs, chapters| -> Vec<(String, Gap)> {
        let pieces = pieces(BOOK, paragraphs, chapters).into_iter();
        pieces.map(|(text, gap)| (text.chars().take(5).collect(), gap)).collect()
    };
    let own = |pieces: &[(&str, Gap)]| -> Vec<(String, Gap)> {
        pieces.iter().map(|(text, gap)| ((*text).to_owned(), *gap)).collect()
    };
    let paragraphs = [
        ("Prefa", Piece),
        ("# One", Paragraph),
        ("More ", Paragraph),
        ("I\n\n* ", Paragraph),
        ("## Tw", Paragraph),
        ("End.\n", Paragraph),
    ];
    assert_eq!(texts(true, false), own(&paragraphs));
    let chapters = [("Prefa", Piece), ("# One", Chapter), ("## Tw", Chapter)];
    assert_eq!(texts(false, true), own(&chapters));
}

/// Other pieces would be billed again.
#[test]
fn pieces_without_sections_are_those_of_split() {
    for (number, text) in splitter::tests::texts().enumerate() {
        let max = 3 + number % 50;
        let mut splitter = SectionSplitter::new(sections(&text, false, &[]), max);
        let pieces = std::iter::from_fn(|| splitter.next(&text));
        let pieces: Vec<_> = pieces.map(|(bytes, _)| (bytes.start, &text[bytes])).collect();
        assert_eq!(
            pieces,
            splitter::split(&text).at_most(max).collect::<Vec<_>>(),
            "{text:?} in pieces of {max}"
        );
    }
}

#[test]
fn every_piece_of_short_paragraphs_has_minimum_length_and_text_is_complete() {
    for text in
        ["I\n\nJ\n\nK", "\n\n \n\nI", "—\n\nWord.\n\n—", "I", "\u{feff}\n\nHi.\n\n\u{3164}\n\nI", "# A", ""]
    {
        let found = pieces(text, true, true);
        let letters = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        assert_eq!(
            found.iter().map(|(piece, _)| letters(piece)).collect::<String>(),
            letters(text),
            "{text:?}"
        );
        let is_long_enough = found.iter().all(|(piece, _)| piece.chars().count() >= 2);
        assert!(is_long_enough || text == "I", "{text:?}: {found:?}");
    }
}

#[test]
fn pause_before_chapter_falls_back_to_paragraph_then_to_piece() {
    let seconds = Duration::from_secs;
    let gaps = [Gap::Piece, Gap::Paragraph, Gap::Chapter];
    let mut pauses = Pauses { piece: seconds(1), ..Pauses::default() };
    assert_eq!(gaps.map(|gap| pauses.before(gap)), [1, 1, 1].map(seconds));
    pauses.paragraph = Some(seconds(2));
    assert_eq!(gaps.map(|gap| pauses.before(gap)), [1, 2, 2].map(seconds));
    pauses.chapter = Some(Duration::ZERO);
    assert_eq!(gaps.map(|gap| pauses.before(gap)), [1, 2, 0].map(seconds));
}

#[test]
fn headings_are_lines_without_surrounding_white_space() {
    let text = "\n  # One  \r\n# ***\n\nText.\u{2029}Chapter 2";
    let found: Vec<_> = headings(text, is_heading).into_iter().map(|start| &text[start..]).collect();
    assert_eq!(found, [&text[3..], "Chapter 2"]);
    assert_eq!(headings(text, |line| line.ends_with('*')), [0; 0], "a heading has letters or digits");
    assert_eq!(sections(text, false, &headings(text, is_heading)).len(), 2);
}

#[test]
fn heading_after_byte_order_mark_or_carriage_return_is_found() {
    let text = "\u{feff}# One\r\rText.\r# Two\r\nText.";
    let found: Vec<_> = headings(text, is_heading).iter().map(|at| &text[*at..*at + 5]).collect();
    assert_eq!(found, ["# One", "# Two"]);
}

/// Old files from a Mac have lines that end with `\r`.
#[test]
fn sections_do_not_depend_on_the_kind_of_line_break() {
    let expected = pieces(BOOK, true, true);
    let texts = |found: &[(&str, Gap)]| -> Vec<(String, Gap)> {
        let lines = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
        found.iter().map(|(text, gap)| (lines(text), *gap)).collect()
    };
    for line_break in ["\n", "\r\n", "\r"] {
        let book = BOOK.replace("\r\n", "\n").replace('\n', line_break);
        assert_eq!(texts(&pieces(&book, true, true)), texts(&expected), "{line_break:?}");
    }
}

/// In quadratic time, this takes minutes.
#[test]
fn many_sections_without_letters_are_joined_at_once() {
    let text = "One.\n\n".to_owned() + &"* * *\n\n".repeat(100_000);
    assert_eq!(sections(&text, true, &[]).len(), 1);
}
