//! The door to the console of moderators, organisers and admins. The page is the same for everybody and holds nothing: what it
//! shows comes from the API, to who is signed in.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header,
    web::{Data, ServiceConfig},
};
use askama::Template;

use super::{Pages, pages, routes::packed, texts::Texts};
use crate::http::{Code, Problem};

/// The page; one-time links lead to it (`/moderation/#invite=…`).
const PATH: &str = "/moderation/";

/// The page and the way there without the slash.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(console).service(without_slash);
}

#[get("/moderation/")]
async fn console(request: HttpRequest, pages: Data<Pages>) -> Result<HttpResponse, Problem> {
    let page = pages::ModerationPage { ui: Texts::of("en"), assets: &pages.assets };
    Ok(packed(&request, page.render().map_err(|_| Code::Internal)?))
}

/// Browsers keep what stands behind `#`, so a link that lost its slash still works.
#[get("/moderation")]
async fn without_slash() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, PATH)).finish()
}
