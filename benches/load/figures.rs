//! Times and rates as figures: exact percentiles, medians, what a person reads.

use std::time::Duration;

/// Times in microseconds, sorted once.
#[derive(Debug, Default)]
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// Sorts them.
    pub fn new(mut microseconds: Vec<u32>) -> Self {
        microseconds.sort_unstable();
        Self(microseconds)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The time, in milliseconds, that `percent` of them stay within (nearest rank); 0 when there are none.
    pub fn percentile_ms(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0.get(rank.saturating_sub(1)).copied().map_or(0.0, milliseconds)
    }

    /// The longest, in milliseconds; 0 when there are none.
    pub fn max_ms(&self) -> f64 {
        self.0.last().copied().map_or(0.0, milliseconds)
    }
}

fn milliseconds(microseconds: u32) -> f64 {
    f64::from(microseconds) / 1000.0
}

/// A time in whole microseconds; more than 71 minutes count as 71 minutes.
pub fn microseconds(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// How many a second.
pub fn rate(count: usize, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { float(count) / time.as_secs_f64() }
}

/// A count as a figure to reckon with.
#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
pub fn float(count: usize) -> f64 {
    count as f64
}

/// The middle one, or the mean of the two in the middle; 0 when there are none.
pub fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = sorted.get(middle).copied().unwrap_or(0.0);
    match (sorted.len() % 2, middle.checked_sub(1).and_then(|lower| sorted.get(lower))) {
        (0, Some(lower)) => f64::midpoint(*lower, upper),
        _ => upper,
    }
}

/// The median of the rounds' ratios: what was measured side by side is compared with each other, and a machine that gets
/// slower or faster in between doesn't count.
pub fn median_ratio(measured: &[f64], compared_with: &[f64]) -> f64 {
    let ratios: Vec<f64> = measured.iter().zip(compared_with).map(|(one, other)| one / other).collect();
    median(&ratios)
}

/// A rate for people: `12,345/s`.
pub fn per_second(rate: f64) -> String {
    format!("{}/s", grouped(rate))
}

/// A count for people: `12,345`.
pub fn count(count: usize) -> String {
    grouped(float(count))
}

/// A whole number with commas between thousands.
fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time for people.
pub fn ms(milliseconds: f64) -> String {
    if milliseconds < 10.0 { format!("{milliseconds:.2} ms") } else { format!("{milliseconds:.0} ms") }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "all of these are exact")]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let hundred = Latencies::new((1..=100).rev().map(|number| number * 1000).collect());
        assert_eq!([1, 50, 99, 100].map(|percent| hundred.percentile_ms(percent)), [1.0, 50.0, 99.0, 100.0]);
        assert_eq!(Latencies::new(vec![7000]).percentile_ms(50), 7.0);
        assert_eq!(Latencies::default().percentile_ms(99), 0.0);
    }

    #[test]
    fn medians_are_in_the_middle() {
        assert_eq!([median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0]), median(&[])], [2.0, 2.5, 0.0]);
        assert_eq!(median_ratio(&[1.0, 10.0, 3.0], &[2.0, 20.0, 3.0]), 0.5);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0.4, 999.0, 1000.0, 1_234_567.0].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
