//! A table of what was used recently, bounded whatever its users do.

use std::collections::HashMap;
use std::hash::Hash;

/// Holds at least the `capacity` entries used last, and at most twice as many.
///
/// Entries are in two generations. What is used moves to the younger one; when that is full it becomes the older one,
/// and what nobody used since is forgotten with a single step.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    capacity: usize,
}

impl<K: Eq + Hash + Clone, V> Recent<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), capacity }
    }

    /// The entry, made by `new` if there is none; it counts as used.
    pub(crate) fn entry(&mut self, key: &K, new: impl FnOnce() -> V) -> &mut V {
        if !self.young.contains_key(key) && self.young.len() >= self.capacity {
            self.old = std::mem::take(&mut self.young);
        }
        let old = &mut self.old;
        self.young.entry(key.clone()).or_insert_with(|| old.remove(key).unwrap_or_else(new))
    }

    /// The entry if there is one; it does not count as used.
    pub(crate) fn peek(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.young.iter().chain(&self.old)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_used_and_forgets_the_rest() {
        let mut recent = Recent::new(10);
        for key in 0..1000 {
            *recent.entry(&key, || 0) += 1;
            *recent.entry(&0, || 0) += 1;
            assert!(recent.iter().count() <= 20);
        }
        assert_eq!(recent.peek(&0), Some(&1001));
        assert!((991..1000).all(|key| recent.peek(&key) == Some(&1)));
        assert_eq!(recent.peek(&1), None);
    }
}
