//! The dashboard at `/dashboard/{slug}`: the published numbers of a campaign, for journalists and walls.

use askama::Template;

use super::{Assets, Campaign, Totals, campaign::LanguageLink};
use crate::{pledges::by_partner::PartnerCount, web::texts::Texts};

/// What is on it. dashboard.js makes it live.
#[derive(Template)]
#[template(path = "dashboard.html")]
pub struct DashboardPage<'a> {
    /// The interface in the page's language.
    pub ui: &'static Texts,
    /// Addresses of the static files.
    pub assets: &'a Assets,
    /// The campaign, in the page's language or its own.
    pub campaign: &'a Campaign<'a>,
    /// Its published totals.
    pub totals: &'a Totals<'a>,
    /// Whether it hangs on a wall: figures, chart and map alone.
    pub wall: bool,
    /// When the totals were published, RFC 3339.
    pub as_of: &'a str,
    /// The same for people.
    pub as_of_text: &'a str,
    /// When the numbers were last made sure to be right, RFC 3339.
    pub drawn: &'a str,
    /// How small numbers are rounded; None: they aren't.
    pub rounding: Option<&'a str>,
    /// The strings that the script needs, a JSON object.
    pub texts: &'a str,
    /// What is published of its partners; empty where nothing is.
    pub partners: &'a [PartnerCount],
}

impl DashboardPage<'_> {
    fn range_text(&self, range: &str) -> String {
        self.ui.text(&format!("dash_range_{range}")).to_owned()
    }

    fn count_text(&self, partner: &PartnerCount) -> String {
        self.ui.number(partner.count)
    }

    fn language_links(&self) -> Vec<LanguageLink<'_>> {
        let mut links = self.campaign.language_links("");
        for link in &mut links {
            link.href =
                format!("/dashboard/{}?lang={}{}", self.campaign.slug, link.tag, if self.wall { "&wall" } else { "" });
        }
        links
    }
}
