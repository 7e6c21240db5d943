//! What each kind of text takes and refuses.

use super::*;
use crate::values::{Description, Note, Title, Venue};
use proptest::prelude::*;

fn problem<T>(result: Result<T, InvalidText>) -> Option<TextProblem> {
    result.err().map(|refused| refused.problem)
}

#[test]
fn text_is_trimmed() {
    assert_eq!(Title::new("\t Front row \n").unwrap().as_str(), "Front row");
    assert_eq!(Note::new("   ").unwrap().as_str(), "");
    assert_eq!(Title::new(" a "), Title::new("a"));
}

#[test]
fn only_some_texts_must_say_something() {
    for blank in ["", "   ", "\r\n"] {
        assert_eq!(problem(Title::new(blank)), Some(TextProblem::Empty));
        assert_eq!(problem(Venue::new(blank)), Some(TextProblem::Empty));
        assert!(Description::new(blank).unwrap().is_empty());
        assert!(Note::new(blank).unwrap().is_empty());
    }
    assert!(Description::default().is_empty() && Note::default().is_empty());
}

#[test]
fn length_is_counted_in_characters_after_trimming() {
    let fits = "ü".repeat(200);
    assert!(Title::new(&format!("  {fits}  ")).is_ok());
    assert_eq!(problem(Title::new(&format!("{fits}ü"))), Some(TextProblem::TooLong { max: 200 }));
    assert_eq!(problem(Venue::new(&"v".repeat(201))), Some(TextProblem::TooLong { max: 200 }));
    assert_eq!(problem(Note::new(&"n".repeat(501))), Some(TextProblem::TooLong { max: 500 }));
    assert!(Description::new(&"d".repeat(10_000)).is_ok());
    let long = "d".repeat(10_001);
    assert_eq!(problem(Description::new(&long)), Some(TextProblem::TooLong { max: 10_000 }));
}

#[test]
fn control_characters_are_refused() {
    for text in ["a\0b", "\0", "a\u{1b}[31mb", "a\u{7f}", "a\u{9f}b"] {
        let forbidden = Some(TextProblem::ForbiddenCharacter);
        assert_eq!(problem(Title::new(text)), forbidden, "{text:?}");
        assert_eq!(problem(Venue::new(text)), forbidden, "{text:?}");
        assert_eq!(problem(Note::new(text)), forbidden, "{text:?}");
        assert_eq!(problem(Description::new(text)), forbidden, "{text:?}");
    }
}

#[test]
fn only_descriptions_have_lines() {
    for text in ["a\nb", "a\tb"] {
        assert_eq!(Description::new(text).unwrap().as_str(), text);
        assert_eq!(problem(Title::new(text)), Some(TextProblem::ForbiddenCharacter));
    }
    assert_eq!(Description::new("a\r\n\r\nb").unwrap().as_str(), "a\n\nb");
    assert_eq!(problem(Description::new("a\rb")), Some(TextProblem::ForbiddenCharacter));
}

#[test]
fn refusals_name_the_text_and_the_problem() {
    let refused = [
        Title::new("").unwrap_err(),
        Venue::new(&"v".repeat(201)).unwrap_err(),
        Note::new("a\0").unwrap_err(),
    ];
    assert_eq!(
        refused.map(|refused| (refused.to_string(), refused.code())),
        [
            ("title must not be empty".to_owned(), "text_empty"),
            ("venue is too long (at most 200)".to_owned(), "text_too_long"),
            (
                "note contains a character that is not allowed".to_owned(),
                "text_forbidden_character"
            ),
        ]
    );
}

#[test]
fn reading_checks_as_well() {
    assert_eq!(serde_json::from_str::<Title>(r#"" Row \u0041 ""#).unwrap().as_str(), "Row A");
    assert_eq!(serde_json::to_string(&Title::new("\"A\"").unwrap()).unwrap(), r#""\"A\"""#);
    for json in [r#""""#, r#""a\u0000""#, "7", "null", "[]"] {
        assert!(serde_json::from_str::<Title>(json).is_err(), "{json}");
    }
}

proptest! {
    #[test]
    fn what_is_accepted_is_clean_and_stays_as_it_is(text: String) {
        if let Ok(title) = Title::new(&text) {
            prop_assert_eq!(title.as_str(), text.trim());
            prop_assert!(!title.as_str().contains(char::is_control));
        }
        if let Ok(description) = Description::new(&text) {
            prop_assert!(!description.as_str().contains(['\0', '\r']));
            prop_assert_eq!(Description::new(description.as_str()), Ok(description));
        }
    }

    #[test]
    fn what_is_written_can_be_read(text in r"[ -~\n\tä-ü]{0,200}") {
        if let Ok(description) = Description::new(&text) {
            let json = serde_json::to_string(&description).unwrap();
            prop_assert_eq!(serde_json::from_str::<Description>(&json).unwrap(), description);
        }
    }
}
