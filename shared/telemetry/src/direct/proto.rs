//! Protobuf's wire format (<https://protobuf.dev/programming-guides/encoding/>), as much of it as a span needs.

use opentelemetry::{Array, Value};

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH: u64 = 2;
const FIXED32: u64 = 5;

/// How many bytes [`varint`] writes.
pub(super) const fn varint_len(value: u64) -> usize {
    (70 - (value | 1).leading_zeros() as usize) / 7
}

/// How many bytes [`bytes`] writes for a field number below 16.
pub(super) const fn bytes_len(length: usize) -> usize {
    1 + varint_len(length as u64) + length
}

#[inline]
pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The start of a field that is as long as it says: text, bytes or a message.
#[inline]
pub(super) fn length(out: &mut Vec<u8>, field: u64, length: usize) {
    if field < 16 && length < 0x80 {
        // Nearly always; and one look at the capacity instead of two.
        return out.extend_from_slice(&[(field << 3 | LENGTH) as u8, length as u8]);
    }
    varint(out, field << 3 | LENGTH);
    varint(out, length as u64);
}

#[inline]
pub(super) fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    length(out, field, value.len());
    out.extend_from_slice(value);
}

pub(super) fn uint(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3 | VARINT);
    varint(out, value);
}

pub(super) fn fixed64(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3 | FIXED64);
    out.extend_from_slice(&value.to_le_bytes());
}

pub(super) fn fixed32(out: &mut Vec<u8>, field: u64, value: u32) {
    varint(out, field << 3 | FIXED32);
    out.extend_from_slice(&value.to_le_bytes());
}

/// `opentelemetry.proto.common.v1.AnyValue`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Any<'a> {
    Text(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    Array(Vec<Any<'a>>),
}

impl From<i64> for Any<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl<'a> From<&'a str> for Any<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> Any<'a> {
    pub(crate) fn of(value: &'a Value) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::I64(value) => Self::Int(*value),
            Value::F64(value) => Self::Double(*value),
            Value::String(value) => Self::Text(value.as_str()),
            Value::Array(Array::Bool(values)) => {
                Self::Array(values.iter().copied().map(Self::Bool).collect())
            }
            Value::Array(Array::I64(values)) => Self::Array(values.iter().copied().map(Self::Int).collect()),
            Value::Array(Array::F64(values)) => {
                Self::Array(values.iter().copied().map(Self::Double).collect())
            }
            Value::Array(Array::String(values)) => {
                Self::Array(values.iter().map(|text| Self::Text(text.as_str())).collect())
            }
            // The two enums may grow; there is nothing else today.
            _ => Self::Text(""),
        }
    }

    #[inline]
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => bytes_len(text.len()),
            Self::Bool(_) => 2,
            Self::Int(value) => 1 + varint_len(*value as u64),
            Self::Double(_) => 9,
            Self::Array(values) => bytes_len(array_len(values)),
        }
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => bytes(out, 1, text.as_bytes()),
            Self::Bool(value) => uint(out, 2, u64::from(*value)),
            // A negative number is its two's complement: ten bytes.
            Self::Int(value) => uint(out, 3, *value as u64),
            Self::Double(value) => fixed64(out, 4, value.to_bits()),
            Self::Array(values) => {
                length(out, 5, array_len(values));
                for value in values {
                    length(out, 1, value.len());
                    value.write(out);
                }
            }
        }
    }
}

fn array_len(values: &[Any<'_>]) -> usize {
    values.iter().map(|value| bytes_len(value.len())).sum()
}

/// A `KeyValue` message as the field `field` of whatever `out` is.
#[inline]
pub(super) fn key_value(out: &mut Vec<u8>, field: u64, key: &str, value: &Any<'_>) {
    // Short values under short keys are what most attributes are: all lengths are one byte, so few pieces are written.
    let tag = (field << 3 | LENGTH) as u8;
    match value {
        Any::Text(text) if field < 16 && key.len() + text.len() < 0x70 => {
            let (key_len, text_len) = (key.len() as u8, text.len() as u8);
            out.extend_from_slice(&[tag, key_len + text_len + 6, 0x0a, key_len]);
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(&[0x12, text_len + 2, 0x0a, text_len]);
            return out.extend_from_slice(text.as_bytes());
        }
        Any::Int(value) if field < 16 && key.len() < 0x70 => {
            let (key_len, int_len) = (key.len() as u8, varint_len(*value as u64) as u8);
            out.extend_from_slice(&[tag, key_len + int_len + 5, 0x0a, key_len]);
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(&[0x12, int_len + 1, 0x18]);
            return varint(out, *value as u64);
        }
        _ => {}
    }
    let value_len = value.len();
    length(out, field, bytes_len(key.len()) + bytes_len(value_len));
    bytes(out, 1, key.as_bytes());
    length(out, 2, value_len);
    value.write(out);
}

/// One field of a message, with the place of the whole of it.
pub(super) struct Field<'a> {
    pub(super) number: u64,
    pub(super) range: std::ops::Range<usize>,
    pub(super) value: Read<'a>,
}

/// What a field holds.
pub(super) enum Read<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The fields of a message one after the other. Ends early where the message is broken.
pub(super) fn fields(message: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        let key = read_varint(message, &mut at)?;
        let value = match key & 7 {
            VARINT => Read::Varint(read_varint(message, &mut at)?),
            LENGTH => {
                let length = usize::try_from(read_varint(message, &mut at)?).ok()?;
                let value = message.get(at..at.checked_add(length)?)?;
                at += length;
                Read::Bytes(value)
            }
            FIXED64 | FIXED32 => {
                at += if key & 7 == FIXED64 { 8 } else { 4 };
                Read::Fixed
            }
            _ => return None,
        };
        (at <= message.len()).then_some(Field { number: key >> 3, range: start..at, value })
    })
}

fn read_varint(message: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *message.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
