//! What there is to know of a place in the code that makes spans: found out once by each thread that comes by.

use crate::{log::LogContext, redact::is_secret_name};
use std::{
    cell::RefCell,
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    ptr,
};
use tracing::Metadata;

const NAME: &str = "otel.name";
const KIND: &str = "otel.kind";

/// Of its fields, one bit each.
#[derive(Clone, Copy)]
pub(super) struct Site {
    secrets: u32,
    names: u32,
    kinds: u32,
    /// Some of them stand on log lines.
    pub(super) is_known_to_lines: bool,
}

/// What a field is for.
pub(super) enum Use {
    Attribute { is_secret: bool },
    Name,
    Kind,
}

thread_local! {
    static SITES: RefCell<HashMap<usize, Site, BuildHasherDefault<Address>>> = RefCell::default();
}

impl Site {
    /// Of spans with `metadata`, whose place in memory is nobody else's for ever.
    #[inline]
    pub(super) fn of(metadata: &'static Metadata<'static>) -> Self {
        let seen = |sites: &RefCell<HashMap<_, _, _>>| {
            *sites.borrow_mut().entry(ptr::from_ref(metadata) as usize).or_insert_with(|| Self::new(metadata))
        };
        SITES.try_with(seen).unwrap_or_else(|_| Self::new(metadata))
    }

    fn new(metadata: &'static Metadata<'static>) -> Self {
        let bits = |is: fn(&str) -> bool| {
            let fields = metadata.fields().iter().filter(|field| is(field.name()));
            fields.fold(0, |bits, field| bits | bit(field.index()))
        };
        Self {
            secrets: bits(is_secret_name),
            names: bits(|name| name == NAME),
            kinds: bits(|name| name == KIND),
            is_known_to_lines: bits(LogContext::has) != 0,
        }
    }

    #[inline]
    pub(super) fn use_of(self, field: usize) -> Use {
        let bit = bit(field);
        if (self.names | self.kinds) & bit == 0 {
            Use::Attribute { is_secret: self.secrets & bit != 0 }
        } else if self.names & bit != 0 {
            Use::Name
        } else {
            Use::Kind
        }
    }
}

/// `tracing` takes 32 fields at most.
#[inline]
fn bit(field: usize) -> u32 {
    1 << (field % 32)
}

/// Hashes an address: spread by one multiplication, whose upper bits are the good ones.
#[derive(Default)]
struct Address(u64);

impl Hasher for Address {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    #[inline]
    fn write_usize(&mut self, address: usize) {
        self.0 = (self.0 ^ address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
