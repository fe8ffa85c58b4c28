//! The door by which the owner of an address agrees to mails of a partner's trials. As everywhere, GET changes nothing.

use actix_web::{
    HttpResponse, get,
    http::StatusCode,
    post,
    web::{Path, ServiceConfig},
};

use super::{Reason, door::Door, routes::see_other};
use crate::{db::DbError, pledges::links::Token};

/// The page, and its button.
pub fn routes(config: &mut ServiceConfig) {
    config.service(page).service(agree);
}

/// Asks, or says that it is agreed.
#[get("/trial-mailbox/{token}")]
async fn page(door: Door, token: Path<String>) -> HttpResponse {
    let Some(parsed) = Token::parse(&token) else { return door.gone(None, Reason::Unknown) };
    match door.pledges.asked_for_trials(&parsed).await {
        Ok(Some(asked)) => {
            let post = format!("/trial-mailbox/{token}");
            let post = asked.trial_mailbox_verified_at.is_none().then_some(post.as_str());
            door.drawn(StatusCode::OK, door.trials(&asked.name, post))
        }
        Ok(None) => door.gone(None, Reason::Unknown),
        Err(error) => door.error(&error.into()),
    }
}

/// Agrees.
#[post("/trial-mailbox/{token}")]
async fn agree(door: Door, token: Path<String>) -> HttpResponse {
    let Some(parsed) = Token::parse(&token) else { return door.gone(None, Reason::Unknown) };
    match door.pledges.agree_to_trials(&parsed).await {
        // To the page that a browser may load again.
        Ok(()) => see_other(&format!("/trial-mailbox/{token}")),
        Err(DbError::NotFound) => door.gone(None, Reason::Unknown),
        Err(error) => door.error(&error.into()),
    }
}
