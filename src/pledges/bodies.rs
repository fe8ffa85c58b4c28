//! What a pledge looks like, for the document of the API. What is read are [`super::submission`] and [`super::form`], field by
//! field, so that every mistake is told.

use utoipa::ToSchema;

use super::{
    fields::{Language, Message, Name, Source},
    mailbox::Email,
    submission::GivenConsent,
};
use crate::country::Country;

/// A pledge. Which fields are required and which are asked at all, the campaign says.
#[derive(ToSchema)]
#[schema(as = NewPledge, example = json!({
    "name": "Amina Okafor", "email": "amina@example.org", "country": "NG", "language": "en",
    "consents": [{"purpose": "updates", "version": 1}], "source": "homepage-banner",
}))]
#[expect(dead_code, reason = "documents Submission, whose fields are checked one by one so that every mistake is told")]
pub struct PledgeBody {
    name: Option<Name>,
    email: Option<Email>,
    country: Country,
    message: Option<Message>,
    language: Option<Language>,
    /// What the supporter agrees to; each purpose once at the most.
    consents: Option<Vec<GivenConsent>>,
    source: Option<Source>,
    /// The partner's public key. A page of another site needs it.
    #[schema(example = "pk_3q2-7wAAAAAAAAAAAAAAAA")]
    site_key: Option<String>,
    /// The solved challenge, as ALTCHA's solver or element gives it. Needed unless the campaign's `proof` is `off`; a server
    /// with a secret key needs none.
    proof: Option<String>,
    /// As the form had it.
    form_token: Option<String>,
    /// Leave it out: it is there for those who fill in whatever they find.
    website: Option<String>,
}

/// The same as a plain form. Other names are ignored, but for protected ones such as `state`; empty is absent.
#[derive(ToSchema)]
#[schema(as = PledgeForm)]
#[expect(dead_code, reason = "documents PostedForm")]
pub struct PledgeForm {
    name: Option<Name>,
    email: Option<Email>,
    country: Country,
    message: Option<Message>,
    language: Option<Language>,
    source: Option<Source>,
    /// The partner's public key. A page of another site needs it.
    site_key: Option<String>,
    /// A solved challenge; also as `altcha`, as ALTCHA's element calls it. A form needs none.
    proof: Option<String>,
    /// As the form had it.
    form_token: Option<String>,
    /// Leave it empty: it is there for those who fill in whatever they find.
    website: Option<String>,
    /// `on`, `true` or `1`: the organiser may write.
    consent_updates: Option<String>,
    /// Which version of the text stood beside the box.
    consent_updates_version: Option<i16>,
    /// The partner may write.
    consent_partner: Option<String>,
    consent_partner_version: Option<i16>,
    /// Name and message may be shown publicly.
    consent_public: Option<String>,
    consent_public_version: Option<i16>,
    /// Where the browser goes on success: an address of this service.
    #[schema(format = "uri-reference", example = "/c/together-we-defend/en/thanks")]
    return_to: Option<String>,
}
