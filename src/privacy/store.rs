//! What is personal in the row of a pledge. What stays is the count: campaign, country, partner, state and times; and the
//! fingerprint, which is a random number once the campaign's salt is destroyed.

/// Holds for rows with anything personal left.
pub(super) const PERSONAL: &str = "(sealed_record IS NOT NULL OR sealed_for_partner IS NOT NULL \
     OR sealed_review IS NOT NULL OR request_digest IS NOT NULL OR source IS NOT NULL OR language IS NOT NULL \
     OR consent_updates IS NOT NULL OR consent_partner IS NOT NULL OR consent_public IS NOT NULL)";

/// Leaves nothing personal.
pub(super) const CLEARED: &str = "sealed_record = NULL, sealed_for_partner = NULL, sealed_review = NULL, \
     request_digest = NULL, source = NULL, language = NULL, consent_updates = NULL, consent_partner = NULL, \
     consent_public = NULL";
