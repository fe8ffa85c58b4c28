//! What the campaign's people looked like before the window: shares only, fading.

use super::{
    Common,
    features::at,
    window::{Kept, place},
};

/// When it knows this many, all of it counts half.
const FADES_AT: f32 = 20_000.0;

/// Weights by number, as the window numbers values.
#[derive(Default)]
pub(super) struct Past {
    pub(super) domains: Vec<f32>,
    pub(super) shapes: Vec<f32>,
    pub(super) manners: Vec<f32>,
    pub(super) countries: Vec<f32>,
    pub(super) partners: Vec<f32>,
    total: f32,
}

impl Past {
    /// Takes a row that leaves the window, as far as it isn't a wave's.
    pub(super) fn learn(&mut self, row: &Kept) {
        let weight = 1.0 - row.wave;
        add(&mut self.domains, row.domain, weight);
        add(&mut self.shapes, row.shape, weight);
        add(&mut self.manners, row.manner, weight);
        add(&mut self.countries, row.country, weight);
        add(&mut self.partners, row.partner, weight);
        self.total += weight;
        if self.total > FADES_AT {
            self.total /= 2.0;
            for table in
                [&mut self.domains, &mut self.shapes, &mut self.manners, &mut self.countries, &mut self.partners]
            {
                for weight in table {
                    *weight /= 2.0;
                }
            }
        }
    }

    /// How much of a value there was, and of all; nothing of what it doesn't keep.
    pub(super) fn known(&self, common: Common, number: u32) -> (f32, f32) {
        let table = match common {
            Common::DomainTag => &self.domains,
            Common::ShapeTag => &self.shapes,
            Common::Country => &self.countries,
            Common::Partner => &self.partners,
            Common::SourceTag | Common::NameTag | Common::Signal | Common::Minute => return (0.0, 0.0),
        };
        (at(table, number), self.total)
    }

    /// Forgets everything: numbers are given anew.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

fn add(table: &mut Vec<f32>, number: u32, weight: f32) {
    let at = place(number);
    if table.len() <= at {
        table.resize(at + 1, 0.0);
    }
    if let Some(slot) = table.get_mut(at) {
        *slot += weight;
    }
}
