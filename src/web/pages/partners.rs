//! What partners' web people need at `/partners`, in English.

use askama::Template;

use super::Assets;
use crate::web::texts::Texts;

/// A campaign to choose.
pub struct PartnersCampaign<'a> {
    /// As in the address.
    pub slug: &'a str,
    /// In its default language.
    pub title: &'a str,
    /// BCP 47 tags.
    pub languages: &'a [String],
    /// Whether it has a public wall.
    pub wall: bool,
}

impl PartnersCampaign<'_> {
    fn languages_text(&self) -> String {
        self.languages.join(" ")
    }
}

/// What is on it. partners.js fills in what one chooses.
#[derive(Template)]
#[template(path = "partners.html")]
pub struct PartnersPage<'a> {
    /// English.
    pub ui: &'static Texts,
    /// Addresses of the static files.
    pub assets: &'a Assets,
    /// Scheme, host and port, without a slash at the end.
    pub public_url: &'a str,
    /// Every campaign.
    pub campaigns: &'a [PartnersCampaign<'a>],
    /// Of embed.js as it is now.
    pub integrity: &'a str,
}

impl PartnersPage<'_> {
    /// The campaign of the examples.
    fn example(&self) -> &str {
        self.campaigns.first().map_or("my-campaign", |campaign| campaign.slug)
    }

    /// That of the example of a wall; None: there is no wall to be shown.
    fn example_of_wall(&self) -> Option<&str> {
        self.campaigns.iter().find(|campaign| campaign.wall).map(|campaign| campaign.slug)
    }
}
