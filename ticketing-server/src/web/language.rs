//! The language of a visitor.

use axum::http::{HeaderMap, header};

use super::texts::{ENGLISH, GERMAN, Texts};

/// A language that the pages speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Language {
    #[default]
    English,
    German,
}

impl Language {
    /// The one that the visitor likes best of those there are; English, if none.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let wishes = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let mut best = (0.0, Self::default());
        for (language, weight) in wishes.into_iter().flat_map(|it| it.split(',')).filter_map(wish) {
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }

    /// Its code, as `lang` has it.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// What the pages say in it.
    pub(super) fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
        }
    }
}

/// One entry of `Accept-Language`, such as `de-CH;q=0.8`, if the pages speak it.
fn wish(entry: &str) -> Option<(Language, f32)> {
    let mut parts = entry.split(';').map(str::trim);
    let tag = parts.next()?.split('-').next()?.to_ascii_lowercase();
    let weight = parts.find_map(|part| part.strip_prefix("q="));
    let weight = weight.map_or(Some(1.0), |weight| weight.parse().ok())?;
    let language = match tag.as_str() {
        "en" => Language::English,
        "de" => Language::German,
        _ => return None,
    };
    Some((language, weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(wishes: &str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, wishes.parse().unwrap());
        Language::of(&headers)
    }

    #[test]
    fn the_best_of_those_there_are() {
        assert_eq!(of("de"), Language::German);
        assert_eq!(of("de-AT,en;q=0.5"), Language::German);
        assert_eq!(of("fr, de;q=0.4, en;q=0.6"), Language::English);
        assert_eq!(of("en;q=0, de"), Language::German);
    }

    #[test]
    fn english_where_nothing_else_is_wished_for() {
        assert_eq!(Language::of(&HeaderMap::new()), Language::English);
        assert_eq!(of("fr, nl"), Language::English);
        assert_eq!(of("de;q=much"), Language::English);
        assert_eq!(of(";;,,"), Language::English);
    }
}
