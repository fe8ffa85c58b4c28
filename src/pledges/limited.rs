//! Which limits a pledge comes under, and what those say of it.

use std::net::IpAddr;

use uuid::Uuid;

use super::{Pledges, arrival::Carrier};
use crate::{
    gate::limits::Limits,
    http::Allowance,
    partners::{Lane, Partners},
};

impl Pledges {
    /// `count` pledges come from `source`. A partner's server has a limit of its own, the same wherever it stands; a secret key
    /// that nobody has counts like none.
    pub(super) fn limited(
        &self,
        partners: &Partners,
        (secret, carrier): (Option<&str>, Carrier),
        source: IpAddr,
        count: usize,
    ) -> Allowance {
        let Some((partner, lane)) = secret.and_then(|secret| partners.of_secret(secret)) else {
            return match carrier {
                Carrier::Form => self.limits.form(source),
                Carrier::Script => self.limits.script(source),
            };
        };
        let per_minute = u32::try_from(partner.per_minute).unwrap_or(1);
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.limits.partner(partner.id, lane == Lane::Test, per_minute, count)
    }

    /// What a server is told of these limits when it is refused before they count.
    pub(super) fn policies(&self, partners: &Partners, secret: Option<&str>) -> impl Iterator<Item = Allowance> {
        let own = match secret.and_then(|secret| partners.of_secret(secret)) {
            Some((partner, _)) => Limits::partner_policy(u32::try_from(partner.per_minute).unwrap_or(1)),
            None => self.limits.script_policy(),
        };
        std::iter::once(own).chain(self.limits.campaign_policy())
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
