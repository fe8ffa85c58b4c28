//! Which limits a pledge comes under, and what those say of it.

use std::net::IpAddr;

use uuid::Uuid;

use super::Pledges;
use crate::{
    http::{Allowance, Code},
    partners::{Admitted, Door, Lane, Partners},
};

/// Who sends pledges, as far as limits go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sender<'a> {
    /// Somebody with a secret key. One that nobody has counts like none.
    Server(&'a str),
    /// A script.
    Script,
    /// A plain form.
    Form,
}

impl Pledges {
    /// `count` pledges come from `source`. A partner's server has a limit of its own, the same wherever it stands.
    pub(super) fn limited(&self, partners: &Partners, sender: Sender<'_>, source: IpAddr, count: usize) -> Allowance {
        let found = match sender {
            Sender::Server(secret) => partners.of_secret(secret),
            Sender::Script | Sender::Form => None,
        };
        let Some((partner, lane)) = found else {
            return match sender {
                Sender::Form => self.limits.form(source),
                Sender::Script | Sender::Server(_) => self.limits.script(source),
            };
        };
        let per_minute = u32::try_from(partner.per_minute).unwrap_or(1);
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let allowance = self.limits.partner(partner.id, lane == Lane::Test, per_minute, count);
        if allowance.left.is_err() {
            let admitted = Admitted { partner: Some(partner), lane, door: Door::Server };
            partners.note(&admitted, Code::TooManyRequests.as_str());
        }
        allowance
    }

    /// A pledge, or a batch of them, comes for a campaign.
    pub(super) fn limited_by_campaign(&self, campaign: Uuid) -> Option<Allowance> {
        self.limits.campaign(campaign)
    }

    /// Somebody at `source` types a code, or asks for a link.
    pub fn limited_guess(&self, source: IpAddr) -> Allowance {
        self.limits.guess(source)
    }
}
