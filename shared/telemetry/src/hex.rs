//! Lower-case hex digits, as ids are written, without the machinery of `fmt`: there are several in every line, request
//! and answer.

/// Appends two digits for each of at most sixteen bytes.
pub(crate) fn push_hex(text: &mut String, bytes: &[u8]) {
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
    }
    let written = digits.get(..bytes.len() * 2).and_then(|digits| std::str::from_utf8(digits).ok());
    text.push_str(written.unwrap_or_default());
}

/// `N` bytes from twice as many lower-case digits; `None` for anything else.
pub(crate) fn parse_hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let (pairs, odd) = digits.as_chunks::<2>();
    let mut bytes = [0; N];
    // Without a branch for each: whether all of them were digits is asked at the end.
    let mut all = 0;
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let (high, low) = (value(*high), value(*low));
        all |= high | low;
        *byte = high << 4 | low;
    }
    (all <= 0xf && pairs.len() == N && odd.is_empty()).then_some(bytes)
}

fn value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => 0xff,
    }
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
            prop_assert_eq!(&text, &format!("00-{:032x}", u128::from_be_bytes(bytes)));
            prop_assert_eq!(text.strip_prefix("00-").and_then(|digits| parse_hex(digits.as_bytes())), Some(bytes));
        }
    }
    #[test]
    fn what_is_no_lower_case_digit_is_refused() {
        for text in ["0", "000", "0g", "g0", "0A", "0-", "", "0\u{e9}"] {
            assert_eq!(parse_hex::<1>(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse_hex(b"00ff"), Some([0x00, 0xff]));
    }
}
