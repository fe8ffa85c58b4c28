//! The door to the short forms: for whoever types a code rather than follow a link, and for whoever needs a link.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{StatusCode, header},
    post,
    web::{Path, Payload, ServiceConfig},
};

use super::{
    AskForm, CodeForm, OwnPage, Trouble,
    door::{Door, ask_address, code_address, confirmed_address, entries},
    routes::see_other,
};
use crate::{
    campaigns::Campaign,
    crypto::CryptoError,
    http::{FieldCode, FieldProblem, Problem, Visitor, allow, form},
    pledges::{links::Code, mailbox::Email, own::OwnError},
};

/// The short forms.
pub fn routes(config: &mut ServiceConfig) {
    config.service(code_page).service(post_code).service(confirmed_page).service(ask_page).service(post_ask);
}

/// Values of a short form by name; of several the first.
fn value<'a>(entries: &'a form::Entries, name: &str) -> &'a str {
    entries.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value.as_str())
}

/// Campaign and language of an address, if there are such.
fn place(door: &Door, slug: &str, language: &str) -> Option<(std::sync::Arc<Campaign>, String)> {
    let campaign = door.campaigns.find(slug)?;
    let language = campaign.spoken(language)?.to_owned();
    Some((campaign, language))
}

fn trouble_of(error: &OwnError) -> (StatusCode, Trouble) {
    match error {
        OwnError::CodeNotAccepted => (StatusCode::UNPROCESSABLE_ENTITY, Trouble::NoMatch),
        OwnError::Crypto(CryptoError::Destroyed) => (StatusCode::CONFLICT, Trouble::Over),
        OwnError::Refused(_) | OwnError::Database(_) | OwnError::Crypto(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, Trouble::Unavailable)
        }
    }
}

/// Says when to come back.
fn later(mut page: HttpResponse, problem: &Problem) -> HttpResponse {
    if let Some(seconds) = problem.retry_after_seconds() {
        page.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    page
}

/// The form for address and code.
#[get("/c/{slug}/{language}/code")]
async fn code_page(door: Door, path: Path<(String, String)>) -> HttpResponse {
    let Some((campaign, language)) = place(&door, &path.0, &path.1) else { return door.not_found() };
    let (post, ask) = (code_address(&campaign, &language), ask_address(&campaign, &language));
    let form = CodeForm { post: &post, ask: Some(&ask), ..CodeForm::default() };
    door.draw(&campaign, &language, StatusCode::OK, &OwnPage::Code(form))
}

/// Confirms by address and code.
#[post("/c/{slug}/{language}/code")]
async fn post_code(request: HttpRequest, door: Door, path: Path<(String, String)>, payload: Payload) -> HttpResponse {
    let Some((campaign, language)) = place(&door, &path.0, &path.1) else { return door.not_found() };
    let entries = match entries(&request, payload).await {
        Ok(entries) => entries,
        Err(problem) => return door.error(&problem),
    };
    let (email, typed) = (value(&entries, "email"), value(&entries, "code"));
    let (post, ask) = (code_address(&campaign, &language), ask_address(&campaign, &language));
    let form = CodeForm { post: &post, ask: Some(&ask), email, code: typed, ..CodeForm::default() };
    let (address, code) = (Email::parse(email), Code::parse(typed));
    let mut errors: Vec<_> =
        address.as_ref().err().map(|code| FieldProblem::new("/email", *code)).into_iter().collect();
    if code.is_none() {
        let code = if typed.trim().is_empty() { FieldCode::Required } else { FieldCode::NotAllowed };
        errors.push(FieldProblem::new("/code", code));
    }
    let limited = allow(&request, [door.pledges.limited_guess(Visitor::of(&request).source())]);
    if let Err(problem) = limited {
        let form = CodeForm { trouble: Some(Trouble::TooMany), ..form };
        let page = door.draw(&campaign, &language, problem.code.status(), &OwnPage::Code(form));
        return later(page, &problem);
    }
    let (Ok(address), Some(code)) = (address, code) else {
        let form = CodeForm { errors: &errors, ..form };
        return door.draw(&campaign, &language, StatusCode::UNPROCESSABLE_ENTITY, &OwnPage::Code(form));
    };
    match door.pledges.confirm_by_code(&campaign, &address, &code).await {
        // To a page that a browser may load again, and that is the same for everybody.
        Ok(()) => see_other(&confirmed_address(&campaign, &language)),
        Err(error) => {
            let (status, trouble) = trouble_of(&error);
            let form = CodeForm { trouble: Some(trouble), ..form };
            door.draw(&campaign, &language, status, &OwnPage::Code(form))
        }
    }
}

/// Thanks, the totals, passing it on: where a code leads that was right. It says nothing of anybody, so anybody may open it.
#[get("/c/{slug}/{language}/confirmed")]
async fn confirmed_page(door: Door, path: Path<(String, String)>) -> HttpResponse {
    let Some((campaign, language)) = place(&door, &path.0, &path.1) else { return door.not_found() };
    let ask = ask_address(&campaign, &language);
    door.draw(&campaign, &language, StatusCode::OK, &OwnPage::Confirmed { own: &ask })
}

/// The form that asks for a link.
#[get("/c/{slug}/{language}/my-pledge")]
async fn ask_page(door: Door, path: Path<(String, String)>) -> HttpResponse {
    let Some((campaign, language)) = place(&door, &path.0, &path.1) else { return door.not_found() };
    let post = ask_address(&campaign, &language);
    door.draw(&campaign, &language, StatusCode::OK, &OwnPage::Ask(AskForm { post: &post, ..AskForm::default() }))
}

/// Asks for a link. The answer is always the same.
#[post("/c/{slug}/{language}/my-pledge")]
async fn post_ask(request: HttpRequest, door: Door, path: Path<(String, String)>, payload: Payload) -> HttpResponse {
    let Some((campaign, language)) = place(&door, &path.0, &path.1) else { return door.not_found() };
    let entries = match entries(&request, payload).await {
        Ok(entries) => entries,
        Err(problem) => return door.error(&problem),
    };
    let (post, email) = (ask_address(&campaign, &language), value(&entries, "email"));
    let form = AskForm { post: &post, email, ..AskForm::default() };
    let limited = allow(&request, [door.pledges.limited_guess(Visitor::of(&request).source())]);
    if let Err(problem) = limited {
        let form = AskForm { trouble: Some(Trouble::TooMany), ..form };
        let page = door.draw(&campaign, &language, problem.code.status(), &OwnPage::Ask(form));
        return later(page, &problem);
    }
    let address = match Email::parse(email) {
        Ok(address) => address,
        Err(code) => {
            let errors = [FieldProblem::new("/email", code)];
            let form = AskForm { errors: &errors, ..form };
            return door.draw(&campaign, &language, StatusCode::UNPROCESSABLE_ENTITY, &OwnPage::Ask(form));
        }
    };
    match door.pledges.ask(&campaign, &address, Some(&language)).await {
        Ok(()) => door.draw(&campaign, &language, StatusCode::OK, &OwnPage::Asked),
        Err(error) => {
            let (status, trouble) = trouble_of(&error);
            let form = AskForm { trouble: Some(trouble), ..form };
            door.draw(&campaign, &language, status, &OwnPage::Ask(form))
        }
    }
}
