//! The start page: what campaigns there are.

use askama::Template;

use super::{Assets, Campaign, Totals};
use crate::web::texts::{self, Texts};

/// A campaign on the start page.
#[derive(Debug, Clone)]
pub struct StartCampaign<'a> {
    /// The campaign in its default language.
    pub campaign: Campaign<'a>,
    /// Its published totals; the countries are not used.
    pub totals: Totals<'a>,
}

/// The start page `/`, in English.
#[derive(Debug, Template)]
#[template(path = "start.html")]
pub struct StartPage<'a> {
    /// English.
    pub ui: &'static Texts,
    /// Addresses of the static files.
    pub assets: &'a Assets,
    /// Scheme, host and port, without a slash at the end.
    pub public_url: &'a str,
    /// Every campaign.
    pub campaigns: &'a [StartCampaign<'a>],
    /// Shows what to try, with commands to copy.
    pub development: bool,
}

impl StartPage<'_> {
    /// The campaign of the example commands.
    fn example(&self) -> &str {
        self.campaigns.first().map_or("my-campaign", |start| start.campaign.slug)
    }
}
