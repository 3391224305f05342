//! Fields whose values are secrets whatever they hold, told by their names.

use std::cell::RefCell;

/// In lower case. At `_` a separator may stand, or nothing.
const WORDS: [&str; 15] = [
    "card_number",
    "cvv",
    "cvc",
    "security_code",
    "authorization",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "cookie",
    "api_key",
    "access_key",
    "private_key",
    "credential",
];

/// Which letters come second in a word, by the first: bit 1 for `a`.
#[expect(clippy::indexing_slicing, reason = "found out when it is compiled")]
const PAIRS: [u32; 32] = {
    let (mut pairs, mut at) = ([0; 32], 0);
    while at < WORDS.len() {
        let word = WORDS[at].as_bytes();
        pairs[(word[0] & 0x1f) as usize] |= 1 << (word[1] & 0x1f);
        at += 1;
    }
    pairs
};

/// True for a field whose value must never be shown, such as `authorization`, `payment.card_number`, `cardNumber` or
/// `x-api-key`.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.as_bytes();
    name.iter().zip(name.iter().skip(1)).enumerate().any(|(at, (first, second))| {
        // Few places in a name begin as one of the words does.
        let seconds = PAIRS.get(usize::from(first & 0x1f)).copied().unwrap_or_default();
        let begin_so = |word: &&&str| word.bytes().next() == Some(first | 0x20);
        seconds >> (second & 0x1f) & 1 == 1
            && WORDS.iter().filter(begin_so).any(|word| begins(name.get(at..).unwrap_or_default(), word))
    })
}

fn begins(name: &[u8], word: &str) -> bool {
    let mut name = name.iter().peekable();
    word.bytes().all(|expected| match expected {
        b'_' => {
            name.next_if(|byte| matches!(byte, b'_' | b'-' | b'.' | b' '));
            true
        }
        letter => name.next().is_some_and(|byte| byte.eq_ignore_ascii_case(&letter)),
    })
}

/// Names that were looked at, by their place in memory, where nothing else will ever be.
const SEEN: usize = 256;

thread_local! {
    static NAMES: RefCell<[(usize, usize, bool); SEEN]> = const { RefCell::new([(0, 0, false); SEEN]) };
}

/// [`is_secret_name`] reads a name letter by letter; there are few names, and each is asked for at every span and line.
#[inline]
pub(crate) fn is_secret_static(name: &'static str) -> bool {
    let (place, length) = (name.as_ptr() as usize, name.len());
    let ask = |names: &RefCell<[(usize, usize, bool); SEEN]>| {
        let mut names = names.borrow_mut();
        let seen = names.get_mut((place ^ length) % SEEN)?;
        if (seen.0, seen.1) != (place, length) {
            *seen = (place, length, is_secret_name(name));
        }
        Some(seen.2)
    };
    NAMES.try_with(ask).ok().flatten().unwrap_or_else(|| is_secret_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{attribute, field};

    #[test]
    fn secret_names_are_known_however_they_are_spelled() {
        for word in WORDS {
            for spelled in
                [word.to_owned(), word.replace('_', ""), word.replace('_', "-"), word.replace('_', ".")]
            {
                let name = format!("the_{}s", spelled.to_ascii_uppercase());
                assert!(is_secret_name(&spelled) && is_secret_name(&name), "{name}");
            }
        }
        for name in
            ["payment.card_number", "cardNumber", "x-api-key", "apiKey", "Set-Cookie", "X-Amz-Security-Token"]
        {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["order.id", "toke", "", "cv_version", "card_last4", "card__number", "apikе"] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn none_of_our_own_names_is_one() {
        let ours = attribute::ALL.iter().map(|attribute| attribute.name);
        for name in ours.chain(field::ALL.iter().map(|field| field.name)) {
            assert!(!is_secret_name(name) && !is_secret_static(name), "{name}");
        }
    }
}
