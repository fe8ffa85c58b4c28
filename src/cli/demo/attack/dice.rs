//! Chance that can be repeated (SplitMix64): for making things up, never for secrets.

use std::{f64::consts::TAU, time::Duration};

use super::data::{Spread, Weighted};

/// A generator that throws the same for the same seed.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn seeded(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to just below `limit`.
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        u32::try_from(self.next() % u64::from(limit.max(1))).unwrap_or(0)
    }

    /// From 0 to just below 1.
    pub(super) fn fraction(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
    }

    pub(super) fn chance(&mut self, share: f64) -> bool {
        self.fraction() < share
    }

    /// Exponential with this mean.
    pub(super) fn waiting(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.fraction()).ln()
    }

    /// Log-normal around 1.
    pub(super) fn factor(&mut self, sigma: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.fraction()).ln()).sqrt();
        (sigma * radius * (TAU * self.fraction()).cos()).exp()
    }

    /// How long somebody takes, in units of the spread.
    pub(super) fn spread(&mut self, spread: &Spread, unit_seconds: f64) -> Duration {
        let value = (spread.median * self.factor(spread.sigma)).max(spread.least);
        Duration::from_millis(num(value * unit_seconds * 1000.0))
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let index = self.below(u32::try_from(from.len()).unwrap_or(0));
        from.get(usize::try_from(index).unwrap_or(0))
    }

    /// One of them, the heavy ones more often.
    pub(super) fn weighted<'a, T: Weighted>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let mut throw = self.fraction() * from.iter().map(Weighted::weight).sum::<f64>();
        from.iter().find(|item| {
            throw -= item.weight();
            throw < 0.0
        })
    }

    /// The place of one of these weights.
    pub(super) fn place(&mut self, weights: &[f64]) -> u8 {
        let mut throw = self.fraction() * weights.iter().sum::<f64>();
        let found = weights.iter().position(|weight| {
            throw -= weight;
            throw < 0.0
        });
        u8::try_from(found.unwrap_or(0)).unwrap_or(0)
    }
}

/// A float that is known to be small and not negative, in whole numbers.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "floats have no other way; `as` saturates")]
pub(super) fn num(value: f64) -> u64 {
    value as u64
}
