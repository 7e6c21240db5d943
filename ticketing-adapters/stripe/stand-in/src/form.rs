//! Parameters as Stripe takes them: a form whose names have brackets.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use crate::answer::Failure;

/// The parameters of a call, by their names as written: `metadata[order]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads a query or a body.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        let mut fields = BTreeMap::new();
        let mut places = BTreeMap::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let mut name = decoded(name)?;
            // `expand[]` and `expand[0]` mean the same.
            if name.ends_with("[]") {
                let place: &mut usize = places.entry(name.clone()).or_default();
                name = name.replace("[]", &format!("[{place}]"));
                *place = place.saturating_add(1);
            }
            if fields.insert(name.clone(), decoded(value)?).is_some() {
                return Err(Failure::invalid("a parameter was sent twice", &name));
            }
        }
        Ok(Self(fields))
    }

    pub(crate) fn into_fields(self) -> BTreeMap<String, String> {
        self.0
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn required(&self, name: &str) -> Result<&str, Failure> {
        let missing = || Failure::missing(format!("Missing required param: {name}."), name);
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(missing)
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Failure> {
        let read =
            |value: &str| value.parse().map_err(|_wrong| Failure::invalid("Invalid integer", name));
        self.get(name).map(read).transpose()
    }

    /// What is below a name: of `metadata`, `metadata[order]` by `order`.
    pub(crate) fn below(&self, name: &str) -> BTreeMap<String, String> {
        let inner = |(field, value): (&String, &String)| {
            let field = field.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?;
            Some((field.to_owned(), value.clone()))
        };
        self.0.iter().filter_map(inner).collect()
    }

    /// Refuses what is not among these names, or below them.
    pub(crate) fn knows_only(&self, names: &[&str]) -> Result<(), Failure> {
        for field in self.0.keys() {
            let first = field.split('[').next().unwrap_or_default();
            if !names.contains(&first) {
                return Err(Failure::unknown(field));
            }
        }
        Ok(())
    }

    /// What a list of that name has.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        self.below(name).into_values().collect()
    }
}

fn decoded(text: &str) -> Result<String, Failure> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded.map(Into::into).map_err(|_wrong| Failure::invalid("Invalid encoding", "body"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_brackets() {
        let form = Form::read("a=1&metadata[x]=y%20z&expand[]=p&expand[]=q&b=c+d").unwrap();
        assert_eq!(form.integer("a").unwrap(), Some(1));
        assert_eq!(form.below("metadata"), [("x".to_owned(), "y z".to_owned())].into());
        assert_eq!(form.list("expand"), ["p", "q"]);
        assert_eq!(form.get("b"), Some("c d"));
        assert!(form.knows_only(&["a", "metadata", "expand", "b"]).is_ok());
        assert!(form.knows_only(&["a", "metadata", "expand"]).is_err());
        assert!(Form::read("a=1&a=2").is_err());
    }
}
