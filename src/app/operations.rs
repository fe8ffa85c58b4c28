//! Every operation of the API, and the document that tells of them.

use std::sync::LazyLock;

use actix_web::App;
use utoipa::{OpenApi, openapi::OpenApi as Document};
use utoipa_actix_web::{AppExt, service_config::ServiceConfig};

use super::StartError;
use crate::{
    accounts, campaigns,
    http::openapi::{self, Head},
    moderation, ops, partners, pledges, privacy, totals,
    web::OpenApiText,
};

/// The operations of the API.
pub(super) fn api(config: &mut ServiceConfig) {
    // Paths are tried in this order: first what millions ask for.
    totals::routes::routes(config);
    pledges::routes::routes(config);
    pledges::batch::routes::routes(config);
    pledges::own::routes::routes(config);
    partners::routes::routes(config);
    pledges::challenge::routes::routes(config);
    pledges::embedding::routes::routes(config);
    campaigns::routes::routes(config);
    totals::history::routes::routes(config);
    moderation::corrections::routes::routes(config);
    moderation::wall::public::routes::routes(config);
    pledges::by_partner::routes::routes(config);
    accounts::routes::routes(config);
    moderation::routes::routes(config);
    privacy::export::routes::routes(config);
    privacy::routes::routes(config);
    ops::routes::routes(config);
}

/// The OpenAPI document, from the code.
pub fn document() -> &'static Document {
    static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
        let mut document = App::new().into_utoipa_app().openapi(Head::openapi()).configure(api).split_for_parts().1;
        openapi::finish(&mut document);
        document
    });
    &DOCUMENT
}

/// The OpenAPI document as text.
///
/// # Errors
/// When it can't be written.
pub fn document_text() -> Result<&'static OpenApiText, StartError> {
    static TEXT: LazyLock<Option<OpenApiText>> = LazyLock::new(|| {
        let document = document();
        Some(OpenApiText { yaml: openapi::yaml(document).ok()?, json: document.to_json().ok()? })
    });
    TEXT.as_ref().ok_or(StartError::Document)
}
