//! Mails and what their readers do: links, codes, the pages of one's own pledge.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use pledges::pledges::links::Links;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use super::{
    search::Search,
    stage::{REFUSED, Stage},
    visits::good,
    words::{DOMAIN, MAIL, MESSAGE, NAME, SOURCE, WRONG},
};
use crate::support::{eventually, key_ring, smtp::Received};

const PLEDGES: &str = "/v1/campaigns/by-mail/pledges";
const CODES: &str = "/v1/campaigns/by-mail/confirmations";
const LINKS: &str = "/v1/campaigns/by-mail/links";

/// What a mail is there to tell.
pub struct Told {
    pub token: String,
    pub code: String,
}

/// Waits until all mails are sent or refused, and returns what the latest one to an address tells.
async fn mail_to(stage: &mut Stage, email: &str) -> Told {
    let waiting = "SELECT count(*) FROM mail_outbox WHERE dead_at IS NULL";
    eventually("all mails are sent", async || stage.rows.number(waiting).await == 0).await;
    let mail = stage.mails().into_iter().rfind(|mail| mail.to.eq_ignore_ascii_case(email)).unwrap();
    told_in(&mail).unwrap()
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

/// What a mail is there to tell: by its first link. None: it isn't one of the service's.
fn told_in(mail: &Received) -> Option<Told> {
    let links = Links::new(key_ring());
    let token = mail.header("Message-ID").starts_with('<').then(|| mail.token())?;
    Some(Told { code: links.code(token.mail()).as_str().to_owned(), token: token.text() })
}

/// What a mail may tell: its own link and code, and nobody else's.
pub fn may_tell(mail: &Received) -> Vec<String> {
    told_in(mail).map(|told| vec![told.token, told.code]).unwrap_or_default()
}

/// The secrets of all mails as they would be left behind: the second part of a token (the first is the mail's id) as it stands in
/// the link and as the bytes that it is made of, and codes. A code of hexadecimal digits alone is left out: there are too many
/// of those about.
pub fn secrets(stage: &Stage) -> Search {
    let (mut words, mut bytes) = (Vec::new(), Vec::new());
    let told: BTreeMap<_, _> = stage.mails().iter().filter_map(told_in).map(|told| (told.token, told.code)).collect();
    for (token, code) in told {
        bytes.push((format!("the secret of {token}"), URL_SAFE_NO_PAD.decode(&token).unwrap()[16..].to_vec()));
        words.push(token[22..].to_owned());
        words.extend((!code.chars().all(|letter| letter.is_ascii_hexdigit())).then_some(code));
    }
    Search::whole(words).and_bytes(&bytes)
}

/// Plants a link and a code wherever one could be left behind, in the ways in which the service would do it.
pub async fn leak(stage: &mut Stage) -> Told {
    let mails: Vec<_> = stage.mails();
    let has_letters = |told: &Told| !told.code.chars().all(|letter| letter.is_ascii_hexdigit());
    let told = mails.iter().filter_map(told_in).find(has_letters).unwrap();
    let Told { token, code } = &told;
    let bytes = URL_SAFE_NO_PAD.decode(token).unwrap()[16..].to_vec();
    let secret = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    // The pages of the WAL part what lies across two of them: one alone might not be found.
    let many = "FROM generate_series(1, 8)";
    stage.leak_into_mail(&format!("{token} {code}"));
    stage.leak_into_metrics(&format!("pledges_mails_failed_total{{class=\"{token} {code}\"}} 1\n"));
    for line in
        [format!("WARN the link {token} {code} can't be used"), format!("WARN failed place={token} count={code}")]
    {
        stage.leak_into_log(&line);
    }
    stage
        .rows
        .execute(&format!("CREATE TABLE leak_of_links AS SELECT '{token}' AS link, '{code}' AS code {many}"))
        .await;
    stage.rows.execute(&format!("CREATE TABLE leak_of_secrets AS SELECT '\\x{secret}'::bytea AS secret {many}")).await;
    told
}
