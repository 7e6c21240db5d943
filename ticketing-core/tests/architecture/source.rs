//! What a Rust source says, as far as the architecture needs it: its words, and the names from
//! this crate that it mentions. Comments, texts and what is compiled for tests alone are left
//! out.

use std::collections::{BTreeSet, VecDeque};

/// What a source says.
#[derive(Debug, Default)]
pub(crate) struct Source {
    /// Every identifier and keyword.
    pub(crate) words: BTreeSet<String>,
    /// Every name that is written from the root of the crate or relative to the module, from the
    /// root on. An empty one is the root itself; `*` stands for everything in a module.
    pub(crate) names: Vec<Vec<String>>,
    /// The modules that it declares for tests alone, from the root on.
    pub(crate) test_modules: Vec<Vec<String>>,
}

/// The module that a file is, from the root on: `domain/order.rs` is `domain::order`.
pub(crate) fn module_of(path: &str) -> Vec<String> {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let parts = path.split('/').map(str::to_owned);
    let mut module: Vec<String> = parts.collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
        module.pop();
    }
    module
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Sign(char),
}

impl Token {
    fn is(&self, text: &str) -> bool {
        match self {
            Self::Word(word) => word == text,
            Self::Sign(sign) => text.chars().eq([*sign]),
        }
    }
}

impl Source {
    /// Reads a file of this crate.
    pub(crate) fn read(path: &str, text: &str) -> Self {
        let mut reader = Reader {
            tokens: tokens(text).into(),
            module: module_of(path),
            inner: Vec::new(),
            depth: 0,
            source: Self::default(),
        };
        reader.read();
        reader.source
    }
}

/// The tokens of a text, without comments, literals and lifetimes.
fn tokens(text: &str) -> Vec<Token> {
    let mut rest = text;
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        if let Some(skipped) = after_comment(rest).or_else(|| after_literal(rest)) {
            rest = skipped;
        } else if is_word(first) {
            let word = rest.strip_prefix("r#").unwrap_or(rest);
            let end = word.find(|c| !is_word(c)).unwrap_or(word.len());
            let (word, after) = word.split_at(end);
            tokens.push(Token::Word(word.to_owned()));
            rest = after;
        } else {
            if !first.is_whitespace() {
                tokens.push(Token::Sign(first));
            }
            rest = rest.strip_prefix(first).unwrap_or_default();
        }
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What follows a comment at the beginning of the text, if there is one.
fn after_comment(text: &str) -> Option<&str> {
    if text.starts_with("//") {
        return Some(text.find('\n').map_or("", |end| text.split_at(end).1));
    }
    let mut rest = text.strip_prefix("/*")?;
    let mut depth = 1;
    while depth > 0 {
        let next = rest.find(['*', '/'])?;
        rest = rest.split_at(next).1;
        if let Some(after) = rest.strip_prefix("/*") {
            (rest, depth) = (after, depth + 1);
        } else if let Some(after) = rest.strip_prefix("*/") {
            (rest, depth) = (after, depth - 1);
        } else {
            rest = rest.split_at(1).1;
        }
    }
    Some(rest)
}

/// What follows a text, a character or a lifetime at the beginning of the text, if there is one.
fn after_literal(text: &str) -> Option<&str> {
    let bare = text.strip_prefix(['b', 'c']).unwrap_or(text);
    if let Some(raw) = bare.strip_prefix('r') {
        let quoted = raw.trim_start_matches('#');
        let fence = "#".repeat(raw.len() - quoted.len());
        if let Some(inside) = quoted.strip_prefix('"') {
            return inside.split_once(&format!("\"{fence}")).map(|(_, rest)| rest);
        }
    }
    if let Some(inside) = bare.strip_prefix('"') {
        return after_quote(inside, '"');
    }
    let inside = bare.strip_prefix('\'')?;
    let mut chars = inside.chars();
    match (chars.next(), chars.next()) {
        (Some('\\'), _) | (_, Some('\'')) => after_quote(inside, '\''),
        (_, _) => Some(inside.trim_start_matches(is_word)),
    }
}

/// What follows the closing quote of a text that may escape it.
fn after_quote(inside: &str, quote: char) -> Option<&str> {
    let mut chars = inside.chars();
    loop {
        match chars.next()? {
            '\\' => {
                chars.next();
            }
            c if c == quote => return Some(chars.as_str()),
            _ => {}
        }
    }
}

/// Walks through the tokens of a file.
struct Reader {
    tokens: VecDeque<Token>,
    module: Vec<String>,
    /// For each module written out within the file, the depth of its braces.
    inner: Vec<usize>,
    depth: usize,
    source: Source,
}

impl Reader {
    fn read(&mut self) {
        while let Some(token) = self.next() {
            match token {
                Token::Sign('#') => self.attribute(),
                Token::Sign('{') => self.depth += 1,
                Token::Sign('}') => self.leave(),
                Token::Sign(_) => {}
                Token::Word(word) => self.word(&word),
            }
        }
    }

    /// The next token, whose word is counted as said.
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.pop_front()?;
        if let Token::Word(word) = &token {
            self.source.words.insert(word.clone());
        }
        Some(token)
    }

    fn next_is(&self, text: &str) -> bool {
        self.tokens.front().is_some_and(|token| token.is(text))
    }

    fn take(&mut self, text: &str) -> bool {
        let there = self.next_is(text);
        if there {
            self.next();
        }
        there
    }

    fn take_word(&mut self) -> Option<String> {
        let Some(Token::Word(word)) = self.tokens.front().cloned() else {
            return None;
        };
        self.next();
        Some(word)
    }

    /// Takes `::`, after which a name goes on.
    fn take_separator(&mut self) -> bool {
        self.take(":") && self.take(":")
    }

    fn leave(&mut self) {
        if self.inner.last() == Some(&self.depth) {
            self.inner.pop();
            self.module.pop();
        }
        self.depth = self.depth.saturating_sub(1);
    }

    fn word(&mut self, word: &str) {
        match word {
            "use" => self.import(&[]),
            "mod" => self.inner_module(),
            "extern" if self.next_is("crate") => self.source.names.push(Vec::new()),
            "crate" | "self" | "super" | "ticketing_core" if self.take_separator() => {
                let mut name = vec![word.to_owned()];
                while let Some(part) = self.take_word() {
                    name.push(part);
                    if !self.take_separator() {
                        break;
                    }
                }
                self.mention(&name);
            }
            _ => {}
        }
    }

    fn inner_module(&mut self) {
        let Some(name) = self.take_word() else { return };
        if self.take("{") {
            self.depth += 1;
            self.inner.push(self.depth);
            self.module.push(name);
        }
    }

    /// One branch of an import, below `prefix`.
    fn import(&mut self, prefix: &[String]) {
        let mut name = prefix.to_vec();
        self.take_separator();
        while let Some(part) = self.take_word() {
            name.push(part);
            if !self.take_separator() {
                break;
            }
        }
        if self.take("{") {
            while !self.take("}") && !self.tokens.is_empty() {
                self.import(&name);
                self.take(",");
            }
            return;
        }
        if self.take("*") {
            name.push("*".to_owned());
        }
        if self.take("as") {
            self.take_word();
        }
        let relative = ["crate", "self", "super", "ticketing_core"];
        if name.first().is_some_and(|first| relative.contains(&first.as_str())) {
            self.mention(&name);
        }
    }

    /// Notes a name, from the root on.
    fn mention(&mut self, name: &[String]) {
        let mut full = self.module.clone();
        for part in name {
            match part.as_str() {
                "crate" | "ticketing_core" => full.clear(),
                "self" => {}
                "super" => {
                    full.pop();
                }
                _ => full.push(part.clone()),
            }
        }
        self.source.names.push(full);
    }

    /// Skips an attribute, and what it belongs to if that is for tests alone.
    fn attribute(&mut self) {
        if !self.next_is("[") {
            return;
        }
        let attribute = self.group();
        let is = |texts: &[&str]| {
            let tokens = attribute.iter().take(texts.len());
            tokens.zip(texts).filter(|(token, text)| token.is(text)).count() == texts.len()
        };
        if is(&["[", "cfg", "(", "test", ")"]) || is(&["[", "cfg", "(", "all", "(", "test"]) {
            self.skip_item();
        } else {
            self.tokens = attribute.into_iter().chain(self.tokens.drain(..)).collect();
        }
    }

    /// Takes everything from an opening bracket to the one that closes it.
    fn group(&mut self) -> Vec<Token> {
        let mut taken = Vec::new();
        let mut depth = 0_usize;
        while let Some(token) = self.tokens.pop_front() {
            match token {
                Token::Sign('(' | '[' | '{') => depth += 1,
                Token::Sign(')' | ']' | '}') => depth -= 1,
                Token::Sign(_) | Token::Word(_) => {}
            }
            taken.push(token);
            if depth == 0 {
                break;
            }
        }
        taken
    }

    /// Skips an item with its attributes; a module without a body is one for tests alone.
    fn skip_item(&mut self) {
        let mut last_words = (String::new(), String::new());
        while let Some(token) = self.tokens.front().cloned() {
            match token {
                Token::Sign('{') => {
                    self.group();
                    return;
                }
                Token::Sign('(' | '[') => {
                    self.group();
                }
                Token::Sign(';') => {
                    self.tokens.pop_front();
                    if last_words.0 == "mod" {
                        let mut module = self.module.clone();
                        module.push(last_words.1);
                        self.source.test_modules.push(module);
                    }
                    return;
                }
                Token::Sign(_) => {
                    self.tokens.pop_front();
                }
                Token::Word(word) => {
                    self.tokens.pop_front();
                    last_words = (last_words.1, word);
                }
            }
        }
    }
}
