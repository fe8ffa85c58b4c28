//! What stands out among the pledges of the last day, as the watch over waves has found it at its last look ([`crate::gate::waves`]): each
//! cluster with why it stands out and the search that finds it. Reading them is reading one row. Who wants to be told by mail is
//! ([`alerts`]).

pub mod alerts;
pub mod routes;
pub mod store;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::gate::waves::{Cluster, Common};

/// A search as a body takes it: a filter in the search, `search` of a removal, its preview, or a rule. What isn't there may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct FoundBy {
    /// In this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "held")]
    pub state: Option<&'static str>,
    /// From the source with this tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "00c5f16d0e7c3a9b")]
    pub source_tag: Option<String>,
    /// With a mailbox of the domain with this tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "00c5f16d0e7c3a9b")]
    pub domain_tag: Option<String>,
    /// With the name with this tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "00c5f16d0e7c3a9b")]
    pub name_tag: Option<String>,
    /// With name and mailbox made as this tag tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "00c5f16d0e7c3a9b")]
    pub shape_tag: Option<String>,
    /// From this country.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "VA")]
    pub country: Option<String>,
    /// By this partner's page or server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner: Option<String>,
    /// With this signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, example = json!(["wave_shape"]))]
    pub signals: Option<[String; 1]>,
    /// Stored at or after this time (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub from: Option<String>,
    /// Stored before this time (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub to: Option<String>,
}

impl FoundBy {
    /// What has this in common; minutes are found by their time alone ([`Self::within`]).
    pub fn of(common: Common, value: &str) -> Self {
        let value = || Some(value.to_owned());
        match common {
            Common::SourceTag => Self { source_tag: value(), ..Self::default() },
            Common::DomainTag => Self { domain_tag: value(), ..Self::default() },
            Common::NameTag => Self { name_tag: value(), ..Self::default() },
            Common::ShapeTag => Self { shape_tag: value(), ..Self::default() },
            Common::Country => Self { country: value(), ..Self::default() },
            Common::Partner => Self { partner: value(), ..Self::default() },
            Common::Signal => Self { signals: value().map(|signal| [signal]), ..Self::default() },
            Common::Minute => Self::default(),
        }
    }

    /// The same, stored within this time.
    #[must_use]
    pub fn within(self, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> Self {
        let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
        Self { from: from.map(text), to: to.map(text), ..self }
    }

    /// What finds a cluster.
    pub fn cluster(cluster: &Cluster) -> Self {
        Self::of(cluster.common, &cluster.value).within(cluster.from, cluster.to)
    }

    /// The same as the address of the console's search has it. None of the values needs to be escaped there.
    pub fn query(&self) -> String {
        let signal = self.signals.as_ref().map(|[signal]| signal.as_str());
        let fields = [
            ("state", self.state),
            ("source_tag", self.source_tag.as_deref()),
            ("domain_tag", self.domain_tag.as_deref()),
            ("name_tag", self.name_tag.as_deref()),
            ("shape_tag", self.shape_tag.as_deref()),
            ("country", self.country.as_deref()),
            ("partner", self.partner.as_deref()),
            ("signals", signal),
            ("from", self.from.as_deref()),
            ("to", self.to.as_deref()),
        ];
        let fields = fields.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
        fields.collect::<Vec<_>>().join("&")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_a_cluster_is_the_same_in_a_body_and_in_an_address() {
        let from = "2026-12-01T10:00:00Z".parse().unwrap();
        let found = FoundBy::of(Common::Country, "VA").within(Some(from), None);
        let body = serde_json::json!({"country": "VA", "from": "2026-12-01T10:00:00Z"});
        assert_eq!(serde_json::to_value(&found).unwrap(), body);
        assert_eq!(found.query(), "country=VA&from=2026-12-01T10:00:00Z");
        let signal = FoundBy::of(Common::Signal, "wave_shape");
        assert_eq!(serde_json::to_value(&signal).unwrap(), serde_json::json!({"signals": ["wave_shape"]}));
        assert_eq!(signal.query(), "signals=wave_shape");
        for common in Common::ALL {
            assert_eq!(Common::parse(common.as_str()), Some(common));
            let minutes = common == Common::Minute;
            assert_eq!(FoundBy::of(common, "x") == FoundBy::default(), minutes, "{common:?}: everything is no cluster");
        }
    }
}
