//! The door to one's own pledge: where the links of mails lead. GET shows and never changes anything, because programs that
//! scan mail follow links; a button posts.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{StatusCode, header},
    post,
    web::{Path, Payload, ServiceConfig},
};

use super::{
    Action, Confirm, Deed, Done, OwnPage, Reason, Sure,
    door::{Door, entries},
    short, trials,
};
use crate::{
    campaigns::Campaign,
    http::{FieldCode, FieldProblem, Problem},
    pledges::{State, confirm::Confirmed, form::PostedForm, leave::Leave, links::Token, submission::Consents},
};

/// The pages that links in mails lead to, and the short forms.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(confirm_page)
        .service(post_confirm)
        .service(own_page)
        .service(sure_page)
        .service(post_deed)
        .configure(short::routes)
        .configure(trials::routes);
}

pub(super) fn see_other(address: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, address))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

/// Shows a pledge that waits, with the button that confirms it.
#[get("/confirm/{token}")]
async fn confirm_page(door: Door, token: Path<String>) -> HttpResponse {
    let held = match door.held(&token).await {
        Ok(held) => held,
        Err(answer) => return answer,
    };
    let own = held.address("");
    match held.own.state {
        State::Withdrawn => door.gone(Some((&held.campaign, &held.language)), held.taken_back()),
        State::Counted | State::Held | State::Removed => {
            held.draw(&door, StatusCode::OK, &OwnPage::Confirmed { own: &own })
        }
        State::Awaiting if !held.confirms() => door.gone(Some((&held.campaign, &held.language)), Reason::Expired),
        State::Awaiting => {
            let view = Confirm {
                country: held.country(),
                made_on: held.own.row.created_at.date_naive(),
                copy: held.own.copy.as_ref(),
                consents: held.own.row.consents(),
                shown: held.shown(),
                post: &format!("/confirm/{}", held.token),
                own: &own,
                not_me: &held.address("/not-me"),
            };
            held.draw(&door, StatusCode::OK, &OwnPage::Confirm(view))
        }
    }
}

/// Confirms.
#[post("/confirm/{token}")]
async fn post_confirm(door: Door, token: Path<String>) -> HttpResponse {
    let Some(parsed) = Token::parse(&token) else { return door.gone(None, Reason::Unknown) };
    let confirmed = match door.pledges.confirm(&parsed).await {
        Ok(confirmed) => confirmed,
        Err(error) => return door.trouble(error),
    };
    let expired = match confirmed {
        // To the page that a browser may load again.
        Confirmed::Yes => return see_other(&format!("/confirm/{token}")),
        Confirmed::Expired => true,
        Confirmed::Withdrawn => false,
        Confirmed::Unknown => return door.nothing_behind(&parsed),
    };
    match door.held(&token).await {
        Ok(held) => {
            let reason = if expired { Reason::Expired } else { held.taken_back() };
            door.gone(Some((&held.campaign, &held.language)), reason)
        }
        Err(answer) => answer,
    }
}

/// Shows one's own pledge.
#[get("/my-pledge/{token}")]
async fn own_page(door: Door, token: Path<String>) -> HttpResponse {
    match door.held(&token).await {
        Ok(held) => held.draw_own(&door, StatusCode::OK, &[], None),
        Err(answer) => answer,
    }
}

fn action(step: &str) -> Option<(Action, Leave)> {
    match step {
        "withdraw" => Some((Action::Withdraw, Leave::Withdraw)),
        "erase" => Some((Action::Erase, Leave::Erase)),
        "not-me" => Some((Action::NotMe, Leave::NotMe)),
        _ => None,
    }
}

/// The second step of what can't be taken back.
#[get("/my-pledge/{token}/{step}")]
async fn sure_page(door: Door, path: Path<(String, String)>) -> HttpResponse {
    let (token, step) = path.into_inner();
    // A browser that opens its pages again asks for what was only ever posted.
    if matches!(step.as_str(), "consents" | "hide") {
        return see_other(&format!("/my-pledge/{token}"));
    }
    let Some((action, _)) = action(&step) else { return door.not_found() };
    match door.held(&token).await {
        Ok(held) => {
            let (post, back) = (held.address(&format!("/{step}")), held.address(""));
            held.draw(&door, StatusCode::OK, &OwnPage::Sure(Sure { action, post: &post, back: &back }))
        }
        Err(answer) => answer,
    }
}

/// Does it: `withdraw`, `erase`, `not-me`, `hide`, or `consents` with the boxes of a form.
#[post("/my-pledge/{token}/{deed}")]
async fn post_deed(request: HttpRequest, door: Door, path: Path<(String, String)>, payload: Payload) -> HttpResponse {
    let (token, deed) = path.into_inner();
    let held = match door.held(&token).await {
        Ok(held) => held,
        Err(answer) => return answer,
    };
    let pledge = held.own.row.pledge_id;
    let (done, result) = match (deed.as_str(), action(&deed)) {
        (_, Some((action, how))) => {
            (Deed::Action(action), door.pledges.leave(&held.campaign, &held.own.row, how).await)
        }
        ("hide", _) => {
            let consents = Consents { public: None, ..held.own.row.consents() };
            (Deed::NoLongerShown, door.pledges.change_consents(pledge, consents).await)
        }
        ("consents", _) => {
            let consents = match posted_consents(&request, payload, &held.campaign).await {
                Ok(consents) => consents,
                Err(Unfit::Boxes(errors)) => {
                    return held.draw_own(&door, StatusCode::UNPROCESSABLE_ENTITY, &errors, None);
                }
                Err(Unfit::Body(problem)) => return door.error(&problem),
            };
            (Deed::ConsentsSaved, door.pledges.change_consents(pledge, consents).await)
        }
        _ => return door.not_found(),
    };
    if let Err(error) = result {
        return door.trouble(error);
    }
    let own = held.address("");
    let gone = matches!(done, Deed::Action(Action::Erase | Action::NotMe));
    let view = Done { deed: done, own: (!gone).then_some(&own) };
    held.draw(&door, StatusCode::OK, &OwnPage::Done(view))
}

/// Why boxes can't be saved.
enum Unfit {
    Boxes(Vec<FieldProblem>),
    Body(Problem),
}

async fn posted_consents(request: &HttpRequest, payload: Payload, campaign: &Campaign) -> Result<Consents, Unfit> {
    let (posted, mut errors) = PostedForm::read(entries(request, payload).await.map_err(Unfit::Body)?);
    let mut consents = Consents::default();
    for given in posted.submission.consents.iter().flatten() {
        if campaign.has_consent(given.purpose, given.version) {
            *consents.of(given.purpose) = Some(given.version);
        } else {
            let place = format!("/consent_{}", given.purpose.as_str());
            errors.push(FieldProblem::new(place, FieldCode::UnknownConsent));
        }
    }
    if errors.is_empty() { Ok(consents) } else { Err(Unfit::Boxes(errors)) }
}
