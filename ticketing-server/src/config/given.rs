//! What was said of the settings, and where: in the file, in variables, by flags. Later wins.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use super::problem::Problem;
use super::table::{SETTINGS, Setting, setting};

/// Where a setting was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// In the file.
    File,
    /// In a variable.
    Variable,
    /// By a flag.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Variable => "variable",
            Self::Flag => "flag",
        })
    }
}

/// What was said of one setting.
#[derive(Clone)]
pub(super) struct Said {
    pub(super) value: String,
    pub(super) origin: Origin,
}

/// What was said of all settings.
#[derive(Default)]
pub(super) struct Given {
    pub(super) said: BTreeMap<&'static str, Said>,
    pub(super) problems: Vec<Problem>,
    /// Variables that look like settings and are none.
    pub(super) strangers: Vec<String>,
}

impl Given {
    fn say(&mut self, setting: &'static Setting, value: String, origin: Origin) {
        self.said.insert(setting.name, Said { value, origin });
    }

    /// Reads the secret that a file has.
    fn say_from_file(&mut self, setting: &'static Setting, path: &str, origin: Origin) {
        match std::fs::read_to_string(path) {
            Ok(value) => self.say(setting, value.trim_end().to_owned(), origin),
            Err(error) => self.problems.push(Problem {
                setting: format!("{}_FILE", setting.variable()),
                what: format!("{path} can't be read: {error}"),
            }),
        }
    }

    /// What the file says: a table of texts, numbers, booleans, and lists of them.
    pub(super) fn add_file(&mut self, path: &Path) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.not_a_file(path, &error),
        };
        match toml::from_str::<toml::Table>(&text) {
            Ok(table) => table.iter().for_each(|(key, value)| self.add_entry(path, key, value)),
            // The error shows the line, which may have a secret in it; its message alone does not.
            Err(error) => self.not_a_file(path, &error.message()),
        }
    }

    fn not_a_file(&mut self, path: &Path, why: &dyn fmt::Display) {
        let what = format!("{} can't be read: {why}", path.display());
        self.problems.push(Problem { setting: "TICKETING_CONFIG".to_owned(), what });
    }

    fn add_entry(&mut self, path: &Path, key: &str, value: &toml::Value) {
        let of_secret = key.strip_suffix("_file").and_then(setting).filter(|it| it.has_file());
        match (setting(key), of_secret, text_of(value)) {
            (Some(setting), _, Some(value)) => self.say(setting, value, Origin::File),
            (None, Some(setting), Some(path)) => self.say_from_file(setting, &path, Origin::File),
            (None, None, _) => {
                self.not_a_file(path, &format_args!("there is no setting {key}"));
            }
            (_, _, None) => {
                let what = format_args!("{key} must be a text, a number, true, false, or a list");
                self.not_a_file(path, &what);
            }
        }
    }

    /// What variables say. Others that begin with `TICKETING_` may be anybody's, or a slip of the
    /// finger.
    pub(super) fn add_variables(&mut self, variables: &BTreeMap<String, String>) {
        let strangers = variables.keys().filter(|name| is_stranger(name));
        self.strangers.extend(strangers.cloned());
        for setting in SETTINGS {
            let name = setting.variable();
            if let Some(value) = variables.get(&name) {
                self.say(setting, value.clone(), Origin::Variable);
            } else if let Some(path) = variables.get(&format!("{name}_FILE"))
                && setting.has_file()
            {
                self.say_from_file(setting, path, Origin::Variable);
            }
        }
    }

    /// What flags say, by the name of the setting.
    pub(super) fn add_flags(&mut self, flags: &BTreeMap<&'static str, String>) {
        for (name, value) in flags {
            match setting(name) {
                Some(setting) if setting.is_secret() => {
                    self.say_from_file(setting, value, Origin::Flag);
                }
                Some(setting) => self.say(setting, value.clone(), Origin::Flag),
                None => {}
            }
        }
    }
}

fn is_stranger(variable: &str) -> bool {
    let names = |setting: &Setting| {
        let of_file = variable.strip_suffix("_FILE").filter(|_| setting.has_file());
        variable == setting.variable() || of_file == Some(&setting.variable())
    };
    variable.starts_with("TICKETING_")
        && variable != "TICKETING_CONFIG"
        && !SETTINGS.iter().any(names)
}

/// A value of the file as a variable would have it.
fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(truth) => Some(truth.to_string()),
        toml::Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(text_of).collect();
            items.map(|items| items.join(","))
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}
