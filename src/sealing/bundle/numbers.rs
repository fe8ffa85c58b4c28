//! Which numbers were seen: whether a line is in its place, late, or there a second time, and which are missing.

use std::collections::BTreeMap;

/// Gaps that are remembered at the most, so that a file full of them takes no more memory than another.
const MAX_GAPS: usize = 10_000;

/// What a number says of the line that opened under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// In its place, perhaps behind a gap.
    InPlace,
    /// Others that belong behind it came before.
    Late,
    /// It was there before, or so long ago that nobody knows.
    Before,
}

#[derive(Debug)]
struct Gap {
    to: u64,
    /// The line was there, but did not open: that has been told.
    told: bool,
}

/// The numbers of the lines, from 1 on.
#[derive(Debug)]
pub(super) struct Numbers {
    next: u64,
    gaps: BTreeMap<u64, Gap>,
    forgotten: u64,
}

impl Numbers {
    pub(super) fn new() -> Self {
        Self { next: 1, gaps: BTreeMap::new(), forgotten: 0 }
    }

    /// The number that comes next when nothing is wrong.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// A line has opened under this number.
    pub(super) fn opened(&mut self, number: u64) -> Seen {
        if number < self.next {
            return if self.fill(number) { Seen::Late } else { Seen::Before };
        }
        if number > self.next {
            self.remember(self.next, number - 1, false);
        }
        self.next = number.saturating_add(1);
        Seen::InPlace
    }

    /// A line that says this number did not open. The right one may yet come.
    pub(super) fn did_not_open(&mut self, number: u64) {
        if number == self.next {
            self.remember(number, number, true);
            self.next = number.saturating_add(1);
        }
    }

    /// What is missing and has not been told: first and last, each.
    pub(super) fn missing(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.gaps.iter().filter(|(_, gap)| !gap.told).map(|(from, gap)| (*from, gap.to))
    }

    /// How many are missing beside those.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn remember(&mut self, from: u64, to: u64, told: bool) {
        if let Some(mut last) = self.gaps.last_entry()
            && last.get().told == told
            && last.get().to.checked_add(1) == Some(from)
        {
            last.get_mut().to = to;
        } else if self.gaps.len() < MAX_GAPS {
            self.gaps.insert(from, Gap { to, told });
        } else if !told {
            self.forgotten = self.forgotten.saturating_add(to - from).saturating_add(1);
        }
    }

    /// Takes a number out of the gap that it is in, if there is one.
    fn fill(&mut self, number: u64) -> bool {
        let found = self.gaps.range(..=number).next_back().filter(|(_, gap)| gap.to >= number);
        let Some((&from, &Gap { to, told })) = found else { return false };
        self.gaps.remove(&from);
        if from < number {
            self.gaps.insert(from, Gap { to: number - 1, told });
        }
        if to > number {
            self.gaps.insert(number + 1, Gap { to, told });
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(numbers: &Numbers) -> Vec<(u64, u64)> {
        numbers.missing().collect()
    }

    #[test]
    fn gaps_are_filled_once() {
        let mut numbers = Numbers::new();
        assert_eq!([1, 2, 6].map(|number| numbers.opened(number)), [Seen::InPlace; 3]);
        assert_eq!(missing(&numbers), [(3, 5)]);
        assert_eq!([4, 4, 2].map(|number| numbers.opened(number)), [Seen::Late, Seen::Before, Seen::Before]);
        assert_eq!(missing(&numbers), [(3, 3), (5, 5)]);
        assert_eq!([3, 5, 7].map(|number| numbers.opened(number)), [Seen::Late, Seen::Late, Seen::InPlace]);
        assert_eq!(missing(&numbers), []);
    }

    #[test]
    fn what_did_not_open_is_told_once_and_may_yet_come() {
        let mut numbers = Numbers::new();
        numbers.opened(1);
        numbers.did_not_open(2);
        numbers.did_not_open(9);
        assert_eq!((numbers.next(), missing(&numbers)), (3, vec![]));
        assert_eq!(numbers.opened(2), Seen::Late);
    }

    #[test]
    fn memory_is_bounded() {
        let mut numbers = Numbers::new();
        for number in 1..=30_000 {
            numbers.opened(number * 2);
        }
        assert_eq!(numbers.gaps.len(), MAX_GAPS);
        assert_eq!(numbers.forgotten(), 20_000);
        assert_eq!(numbers.opened(u64::MAX), Seen::InPlace);
        assert_eq!(numbers.opened(u64::MAX - 5), Seen::Before);
    }
}
