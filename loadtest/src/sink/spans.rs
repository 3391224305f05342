//! How many spans an export holds, without reading them: of each message only the lengths are looked at.

/// Field numbers of OTLP: `ExportTraceServiceRequest.resource_spans`, `ResourceSpans.scope_spans`, `ScopeSpans.spans`.
const RESOURCE_SPANS: u64 = 1;
const SCOPE_SPANS: u64 = 2;
const SPANS: u64 = 2;

/// Of a body of gRPC messages: each a byte that says whether it is compressed, four of its length, and the message.
pub(super) fn count(mut body: &[u8]) -> u64 {
    let mut spans = 0;
    while let Some(([0, a, b, c, d], rest)) = body.split_first_chunk() {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        let Some((message, rest)) = rest.split_at_checked(length) else { break };
        spans += fields(message, RESOURCE_SPANS)
            .flat_map(|resource| fields(resource, SCOPE_SPANS))
            .map(|scope| fields(scope, SPANS).count() as u64)
            .sum::<u64>();
        body = rest;
    }
    spans
}

/// The messages within a message that are field `number`. Ends where it cannot be read.
fn fields(mut message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        loop {
            let tag = varint(&mut message)?;
            match tag & 7 {
                0 => drop(varint(&mut message)?),
                1 => message = message.get(8..)?,
                2 => {
                    let length = usize::try_from(varint(&mut message)?).ok()?;
                    let (field, rest) = message.split_at_checked(length)?;
                    message = rest;
                    if tag >> 3 == number {
                        return Some(field);
                    }
                }
                5 => message = message.get(4..)?,
                _ => return None,
            }
        }
    })
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let length =
            if length < 128 { vec![length as u8] } else { vec![length as u8 | 0x80, (length >> 7) as u8] };
        [&[number << 3 | 2], &length[..], content].concat()
    }

    fn framed(message: &[u8]) -> Vec<u8> {
        [&[0], &(message.len() as u32).to_be_bytes()[..], message].concat()
    }

    #[test]
    fn spans_of_all_resources_and_scopes_are_counted() {
        // A span has fields of every kind: a varint, eight bytes, four bytes, text.
        let span =
            [&[6 << 3, 0x96, 1, 7 << 3 | 1], &[1; 8][..], &[16 << 3 | 5], &[1; 4], &field(5, &[b'n'; 150])]
                .concat();
        let scope = [field(1, b"scope"), field(2, &span), field(2, &span)].concat();
        let resource = field(1, &[field(1, b"resource"), field(2, &scope), field(2, &scope)].concat());
        let message = framed(&[resource.clone(), resource].concat());
        assert_eq!(count(&message), 8);
        assert_eq!(count(&[message.clone(), message.clone()].concat()), 16);
        assert_eq!(count(&message[..message.len() - 1]), 0, "cut off");
        assert_eq!(count(&[]), 0);
    }

    proptest! {
        #[test]
        fn anything_is_read_to_its_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(count(&framed(&bytes)) <= 300);
            prop_assert!(count(&bytes) <= 300);
        }
    }
}
