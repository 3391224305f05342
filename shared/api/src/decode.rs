//! Reading a JSON body into a type, with errors a client can act on and that never repeat what it sent.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use crate::card::holds_card_number;
use crate::problem::FieldError;

/// Why a body could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON at all: answered 400.
    #[error("the body is not JSON: {0}")]
    Malformed(String),
    /// JSON of another shape: a missing or unknown field, or a wrong type. Answered 422.
    #[error("{}: {}", .0.pointer, .0.detail)]
    Invalid(FieldError),
}

/// Reads a whole body. Unknown fields are refused where the type says `deny_unknown_fields`.
pub fn decode_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let inner = error.inner();
        // A wrong field is found before a broken end: what is no JSON at all is malformed all the same.
        let broken = match inner.classify() {
            Category::Data => whole(body).err(),
            Category::Io | Category::Syntax | Category::Eof => Some(inner.to_string()),
        };
        match broken {
            Some(why) => DecodeError::Malformed(why),
            None => DecodeError::Invalid(FieldError::new(
                pointer(error.path()),
                without_value(&inner.to_string()),
            )),
        }
    })?;
    json.end().map_err(|error| DecodeError::Malformed(error.to_string()))?;
    Ok(value)
}

/// Whether all of it is JSON. Skipping a text does not look whether it is UTF-8.
fn whole(body: &[u8]) -> Result<IgnoredAny, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Reads these types from objects alone: what serde derives reads them from arrays, too, as if their fields had an order.
/// Each needs `#[serde(remote = "Self")]`, which leaves the trait to be implemented here.
#[macro_export]
macro_rules! only_from_objects {
    ($($name:ident),+) => {$(
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl<'de> serde::de::Visitor<'de> for Visitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<$name, A::Error> {
                        $name::deserialize(serde::de::value::MapAccessDeserializer::new(map))
                    }
                }
                deserializer.deserialize_map(Visitor)
            }
        }
    )+};
}

/// The JSON pointer (RFC 6901) of a place.
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => {
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
            // A key is the client's own text, and may be anything.
            Segment::Map { key } if holds_card_number(key) || key.len() > 64 => {
                pointer.push_str("/[redacted]");
            }
            Segment::Map { key } | Segment::Enum { variant: key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Unknown => {}
        }
    }
    pointer
}

/// The parser's words less the value and the unknown field's name that it quotes.
fn without_value(message: &str) -> String {
    let message = message.rsplit_once(" at line ").map_or(message, |(words, _)| words);
    if let Some((_, expected)) = message.rsplit_once(", expected ") {
        let what = if message.starts_with("unknown field") { "unknown field, " } else { "" };
        return format!("{what}expected {expected}");
    }
    if message.starts_with("unknown field") {
        return "unknown field".to_owned();
    }
    message.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::NewOrder;

    fn invalid(body: &str) -> FieldError {
        match decode_json::<NewOrder>(body.as_bytes()) {
            Err(DecodeError::Invalid(error)) => error,
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn syntax_is_malformed() {
        for body in
            ["", "{", "nonsense", "{} {}", "[1,]", "{\"customer_id\": \"\u{1}\"}", "{\"x\": 1,", "1e999"]
        {
            let error = decode_json::<NewOrder>(body.as_bytes());
            assert!(matches!(error, Err(DecodeError::Malformed(_))), "{body}: {error:?}");
        }
        assert!(matches!(decode_json::<Vec<i64>>(b"[1] x"), Err(DecodeError::Malformed(_))));
        assert!(matches!(decode_json::<NewOrder>(b"\xff"), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn shape_has_a_pointer() {
        let error = invalid(r#"{"customer_id": "c", "items": [{"sku": "A", "quantity": "2"}]}"#);
        assert_eq!(error, FieldError::new("/items/0/quantity", "expected i64"));
        let error = invalid(r#"{"customer_id": "c", "items": [{"sku": "A"}]}"#);
        assert_eq!(error, FieldError::new("/items/0", "missing field `quantity`"));
        let error = invalid(r#"{"a/b~c": 1}"#);
        assert_eq!(error.pointer, "/a~1b~0c");
        assert!(error.detail.starts_with("unknown field, expected one of `customer_id`"), "{error:?}");
        assert_eq!(invalid("{}"), FieldError::new("", "missing field `customer_id`"));
        let arrays = r#"["c", [["A", 1]], ["card", "4242424242424242"]]"#;
        assert_eq!(invalid(arrays), FieldError::new("", "expected an object"));
        let within = r#"{"customer_id": "c", "items": [["A", 1]]}"#;
        assert_eq!(invalid(within), FieldError::new("/items/0", "expected an object"));
    }

    #[test]
    fn no_value_is_repeated() {
        for body in [
            r#"{"customer_id": 4242424242424242}"#,
            r#"{"4242424242424242": 1}"#,
            r#"{"customer_id": "c", "items": "4242424242424242"}"#,
            r#"{"customer_id": "c", "items": [{"sku": "A", "quantity": "x, expected 4242424242424242, expected"}]}"#,
        ] {
            let error = invalid(body);
            assert!(!format!("{error:?}").contains("4242"), "{body}: {error:?}");
        }
    }
}
