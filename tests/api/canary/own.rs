//! Mails and what their readers do: links, codes, the pages of one's own pledge.

use pledges::pledges::links::Links;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::{
    stage::{REFUSED, Stage},
    visits::good,
    words::{DOMAIN, MAIL, MESSAGE, NAME, SOURCE, WRONG},
};
use crate::support::{eventually, key_ring};

const PLEDGES: &str = "/v1/campaigns/by-mail/pledges";
const CODES: &str = "/v1/campaigns/by-mail/confirmations";
const LINKS: &str = "/v1/campaigns/by-mail/links";

/// What a mail is there to tell.
struct Told {
    token: String,
    code: String,
}

/// Waits until all mails are sent or refused, and returns what the latest one to an address tells.
async fn mail_to(stage: &mut Stage, email: &str) -> Told {
    let waiting = "SELECT count(*) FROM mail_outbox WHERE dead_at IS NULL";
    eventually("all mails are sent", async || stage.rows.number(waiting).await == 0).await;
    let mail = stage.mails().into_iter().rfind(|mail| mail.to.eq_ignore_ascii_case(email)).unwrap();
    let (token, links) = (mail.token(), Links::new(key_ring()));
    let told = Told { code: links.code(token.mail()).as_str().to_owned(), token: token.text() };
    stage.told_in_mails.extend([told.token.clone(), told.code.clone()]);
    told
}

fn page(stage: &Stage, method: Method, path: &str) -> RequestBuilder {
    stage.request(method, path).header("accept", "text/html")
}

/// Pledges by mail, confirms them in every way, and lets them go. Holders of a link may see what they have pledged.
pub async fn confirm(stage: &mut Stage, round: &str) {
    let post = |stage: &Stage, path: &str| stage.request(Method::POST, path);
    let address = |number: u32| format!("{MAIL}{round}.{number}@{DOMAIN}.example");
    let pledge = |email: &str| {
        let mut body = good("");
        body["email"] = email.into();
        body
    };
    for number in 1..=2 {
        stage.ask(post(stage, PLEDGES).json(&pledge(&address(number))), 202, &[]).await;
    }
    stage.ask(post(stage, PLEDGES).json(&pledge(&format!("{REFUSED}.{}", address(3)))), 202, &[]).await;
    let form = [("name", NAME), ("email", &address(1)), ("country", "DE"), ("message", MESSAGE), ("source", SOURCE)];
    stage.ask(post(stage, PLEDGES).form(&form).header("accept", "text/html"), 303, &[]).await;

    let first = mail_to(stage, &address(1)).await;
    let may_tell = [first.token.as_str(), NAME, MAIL, DOMAIN, MESSAGE];
    let (confirm, own) = (format!("/confirm/{}", first.token), format!("/my-pledge/{}", first.token));
    for (method, status) in [(Method::GET, 200), (Method::HEAD, 200), (Method::PUT, 404)] {
        stage.ask(page(stage, method, &confirm), status, &may_tell).await;
    }
    stage.ask(page(stage, Method::GET, &format!("{confirm}{WRONG}")), 404, &[]).await;
    stage.ask(page(stage, Method::POST, &confirm).form(&[("x", WRONG)]), 303, &may_tell).await;
    for path in ["", "/withdraw", "/erase", "/not-me"] {
        stage.ask(page(stage, Method::GET, &format!("{own}{path}")), 200, &may_tell).await;
    }
    stage.ask(page(stage, Method::GET, &format!("{own}/{WRONG}")), 404, &[]).await;
    stage
        .ask(
            page(stage, Method::POST, &format!("{own}/consents"))
                .form(&[("consent_updates", "1"), ("consent_updates_version", WRONG)]),
            422,
            &may_tell,
        )
        .await;
    for path in ["hide", "withdraw", "erase"] {
        stage.ask(page(stage, Method::POST, &format!("{own}/{path}")), 200, &may_tell).await;
    }

    let second = mail_to(stage, &address(2)).await;
    let typed = |code: &str| json!({"email": address(2), "code": code});
    let in_form = |code: &str| [("email", address(2)), ("code", code.to_owned())];
    let wrong = if second.code == "AAAAAA" { "BBBBBB" } else { "AAAAAA" };
    stage.ask(post(stage, CODES).json(&typed(wrong)), 409, &[]).await;
    stage.ask(post(stage, CODES).json(&typed(WRONG)), 422, &[]).await;
    let again = [MAIL, DOMAIN, WRONG];
    stage.ask(page(stage, Method::POST, "/c/by-mail/en/code").form(&in_form(WRONG)), 422, &again).await;
    stage.ask(post(stage, CODES).json(&typed(&second.code)), 200, &[]).await;
    stage.ask(page(stage, Method::POST, "/c/by-mail/en/code").form(&in_form(&second.code)), 303, &[]).await;
    stage.ask(post(stage, LINKS).json(&json!({"email": address(2)})), 202, &[]).await;
    stage.ask(post(stage, LINKS).json(&json!({"email": WRONG})), 422, &[]).await;
    stage.ask(page(stage, Method::POST, "/c/by-mail/en/my-pledge").form(&[("email", address(2))]), 200, &[]).await;
    stage.ask(page(stage, Method::POST, "/c/by-mail/en/my-pledge").form(&[("email", WRONG)]), 422, &[WRONG]).await;
    let asked = mail_to(stage, &address(2)).await;
    let own = format!("/my-pledge/{}", asked.token);
    let may_tell = [asked.token.as_str(), NAME, MAIL, DOMAIN, MESSAGE];
    stage.ask(page(stage, Method::GET, &own), 200, &may_tell).await;
    stage.ask(page(stage, Method::POST, &format!("{own}/not-me")), 200, &may_tell).await;
}

/// Secrets of mails as they would be left behind: the second part of a token (the first is the mail's id), also as bytes that
/// a dump shows, and codes. A code of hexadecimal digits alone is left out: there are too many of those about.
pub fn secrets(stage: &Stage) -> Vec<String> {
    let is_plain = |code: &String| code.len() == 64 || !code.chars().all(|letter| letter.is_ascii_hexdigit());
    let mut all = Vec::new();
    for told in stage.told_in_mails.iter().filter(|told| is_plain(told)) {
        let secret = if told.len() == 64 { &told[22..] } else { told.as_str() };
        all.push(secret.to_owned());
    }
    all
}
