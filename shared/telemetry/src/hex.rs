//! Lower-case hex digits, as ids are written, without the machinery of `fmt`: there are several in every line, answer
//! and exemplar.

/// Appends two digits for each of at most sixteen bytes.
pub(crate) fn push_hex(text: &mut String, bytes: &[u8]) {
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
    }
    let written = digits.get(..bytes.len() * 2).and_then(|digits| std::str::from_utf8(digits).ok());
    text.push_str(written.unwrap_or_default());
}

fn digit(value: u8) -> u8 {
    value + if value < 10 { b'0' } else { b'a' - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_what_fmt_writes(bytes: [u8; 16]) {
            let mut text = "00-".to_owned();
            push_hex(&mut text, &bytes);
            prop_assert_eq!(text, format!("00-{:032x}", u128::from_be_bytes(bytes)));
        }
    }
}
