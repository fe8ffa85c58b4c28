//! Which pledges of a bundle are listed.

use chrono::{DateTime, Utc};
use clap::Args;

use crate::{cli::moment::moment, country::Country, sealing::bundle::About};

/// Which pledges are listed. All conditions must hold; of countries and languages one.
#[derive(Args, Default)]
pub(super) struct Filter {
    /// Only those whom the organiser may write to.
    #[arg(long)]
    pub(super) updates_only: bool,
    /// Only those whom the partner may write to.
    #[arg(long)]
    partner_only: bool,
    /// Only from this country (two letters; ZZ: not said). May be given several times.
    #[arg(long, value_name = "XX")]
    country: Vec<Country>,
    /// Only in this language: pt is also pt-BR. May be given several times.
    #[arg(long, value_name = "TAG")]
    language: Vec<String>,
    /// Only pledged on this day or at this time, or later.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<DateTime<Utc>>,
    /// Only pledged before this day or time.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<DateTime<Utc>>,
}

impl Filter {
    /// Whether a pledge is listed. What the row says counts, and not the record: what was allowed when pledging may have
    /// been taken back.
    pub(super) fn lets_through(&self, about: &About) -> bool {
        let language = || about.language.as_deref().unwrap_or("");
        (!self.updates_only || about.consents.updates.is_some())
            && (!self.partner_only || about.consents.partner.is_some())
            && (self.country.is_empty() || self.country.contains(&about.country))
            && (self.language.is_empty() || self.language.iter().any(|wanted| speaks(language(), wanted)))
            && self.from.is_none_or(|from| about.created_at >= from)
            && self.to.is_none_or(|to| about.created_at < to)
    }
}

/// Whether a tag is the wanted one, or begins with it (basic filtering of RFC 4647).
fn speaks(tag: &str, wanted: &str) -> bool {
    let begins = tag.get(..wanted.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(wanted));
    begins && matches!(tag.as_bytes().get(wanted.len()), None | Some(b'-'))
}

#[cfg(test)]
mod tests {
    use super::speaks;

    #[test]
    fn a_language_is_also_its_regions() {
        assert!(speaks("pt", "pt") && speaks("pt-BR", "PT") && speaks("pt-BR", "pt-br"));
        assert!(!speaks("pt", "pt-BR") && !speaks("ptx", "pt") && !speaks("", "pt") && !speaks("fr", "pt"));
    }
}
