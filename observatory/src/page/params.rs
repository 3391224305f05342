//! What the address of a page says, read with a readable error.

use axum::extract::{FromRequestParts, Path, Query};
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::PageError;

/// The query string of a page.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(_) => Err(PageError::bad("The address holds a parameter twice, or one that is not text.")),
        }
    }
}

/// The id in the path of a page.
pub(super) struct Id(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Self(id)),
            Err(_) => Err(PageError::bad("The id in the address is not text.")),
        }
    }
}

/// A field of a form. The browser sends those left empty, too: they count as not given.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Field(Option<String>);

impl Field {
    pub(super) fn get(&self) -> Option<&str> {
        self.0.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }

    /// The same for showing it again.
    pub(super) fn text(&self) -> &str {
        self.get().unwrap_or_default()
    }
}

/// What may stand in an order's address: an id as programs write them, so no spaces and nothing long.
pub(super) fn is_order_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

/// Reads `key=value key="two words"`; the error says which part is no tag.
pub(super) fn tags(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut tags = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let wrong = || format!("{} is not key=value", rest.split_whitespace().next().unwrap_or(rest));
        let (key, after) = rest.split_once('=').ok_or_else(wrong)?;
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(wrong());
        }
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => {
                quoted.split_once('"').ok_or_else(|| format!("the quote after {key} does not end"))?
            }
            None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        tags.push((key.to_owned(), value.to_owned()));
        rest = left.trim_start();
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_pairs() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(tags(""), Ok(Vec::new()));
        assert_eq!(
            tags(" a=1  db.query.summary=\"INSERT orders\" b="),
            Ok(vec![pair("a", "1"), pair("db.query.summary", "INSERT orders"), pair("b", "")])
        );
        for wrong in ["a", "=1", "a b=1", "a=\"1"] {
            assert!(tags(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn order_ids_hold_nothing_odd() {
        assert!(is_order_id("0193a4f2-7c31-7d10-8a11-9b1f9c41d2aa"));
        for wrong in ["", "a b", "../x", "<i>", &"x".repeat(65)] {
            assert!(!is_order_id(wrong), "{wrong}");
        }
    }
}
