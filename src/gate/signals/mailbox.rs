//! Throw-away mailboxes, from the list beside this file.

/// Sorted, one domain a line. Source and licence stand in README.md.
const DISPOSABLE: &str = include_str!("disposable.txt");

/// Whether the domain, or one that it lies under, is on the list of throw-away mailboxes.
pub fn is_disposable(domain: &str) -> bool {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    let mut rest = domain.as_str();
    while rest.contains('.') {
        if is_listed(rest) {
            return true;
        }
        rest = rest.split_once('.').map_or("", |(_, above)| above);
    }
    false
}

/// Halves the list until one line is left: no table has to be built.
fn is_listed(domain: &str) -> bool {
    let (mut from, mut to) = (0, DISPOSABLE.len());
    while from < to {
        let middle = usize::midpoint(from, to);
        let begin = DISPOSABLE.get(from..middle).and_then(|part| part.rfind('\n')).map_or(from, |at| from + at + 1);
        let Some(line) = DISPOSABLE.get(begin..).and_then(|rest| rest.lines().next()) else { return false };
        match line.cmp(domain) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => from = begin + line.len() + 1,
            std::cmp::Ordering::Greater => to = begin,
        }
    }
    false
}
