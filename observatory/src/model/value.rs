use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// An attribute's value (OTLP `AnyValue`).
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Text.
    Str(String),
    /// A whole number.
    Int(i64),
    /// A number.
    Double(f64),
    /// Yes or no.
    Bool(bool),
    /// Several values.
    Array(Vec<Value>),
    /// Bytes; shown in hexadecimal.
    Bytes(Vec<u8>),
    /// Named values, in the sender's order.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// The text, when it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Str(text) = self { Some(text) } else { None }
    }

    /// The whole number, when it is one.
    pub fn as_int(&self) -> Option<i64> {
        if let Self::Int(number) = self { Some(*number) } else { None }
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// For people: text without quotes, arrays and maps as JSON.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Str(text) => f.write_str(text),
            Self::Int(number) => write!(f, "{number}"),
            Self::Double(number) => write!(f, "{number}"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Bytes(bytes) => f.write_str(&hex(bytes)),
            Self::Array(_) | Self::Map(_) => {
                f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
            }
        }
    }
}

/// As plain JSON: a text is a string, an array an array; bytes become hexadecimal text.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Str(text) => serializer.serialize_str(text),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Double(number) => serializer.serialize_f64(*number),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Bytes(bytes) => serializer.serialize_str(&hex(bytes)),
            Self::Array(values) => serializer.collect_seq(values),
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_shown_plainly() {
        let list = Value::Array(vec![Value::Str("a".into()), Value::Int(2), Value::Bool(true)]);
        assert_eq!(list.to_string(), r#"["a",2,true]"#);
        assert_eq!(Value::Str("plain".into()).to_string(), "plain");
        assert_eq!(Value::Bytes(vec![1, 255]).to_string(), "01ff");
        assert_eq!(Value::Map(vec![("k".into(), Value::Double(1.5))]).to_string(), r#"{"k":1.5}"#);
    }
}
