//! Every page rendered with awkward content: nothing a strict policy refuses, nothing of the supporter unescaped.

use super::super::texts::{ENGLISH, Texts};
use super::*;

const TEMPLATES: &[&str] = &[
    include_str!("../templates/base.html"),
    include_str!("../templates/code_form.html"),
    include_str!("../templates/consents.html"),
    include_str!("../templates/counter.html"),
    include_str!("../templates/countries.html"),
    include_str!("../templates/email_field.html"),
    include_str!("../templates/error.html"),
    include_str!("../templates/facts.html"),
    include_str!("../templates/form.html"),
    include_str!("../templates/gone.html"),
    include_str!("../templates/languages.html"),
    include_str!("../templates/mistakes.html"),
    include_str!("../templates/own.html"),
    include_str!("../templates/own_confirm.html"),
    include_str!("../templates/own_pledge.html"),
    include_str!("../templates/pledge_form.html"),
    include_str!("../templates/share.html"),
    include_str!("../templates/social.html"),
    include_str!("../templates/start.html"),
    include_str!("../templates/thanks.html"),
    include_str!("../pages.rs"),
    include_str!("campaign.rs"),
    include_str!("../texts.rs"),
];

pub(super) const NASTY: &str = "\"><img src=x onerror=alert(1)>'&";

pub(super) fn assets() -> Assets {
    Assets::new(|name| format!("/assets/{name}"), |_| Vec::new())
}

pub(super) fn campaign<'a>(languages: &'a [String], language: &'a str) -> Campaign<'a> {
    Campaign {
        slug: "together-we-defend",
        language,
        languages,
        open: true,
        title: NASTY,
        summary: NASTY,
        body: &[],
        share: "Stand with us",
        privacy_notice: "One.\n\nTwo.",
        controller: Some(Controller { name: NASTY, contact: "javascript:alert(1)" }),
    }
}

pub(super) fn totals(countries: &[(String, i64)]) -> Totals<'_> {
    Totals { total: 12_345, goal: Some(50_000), countries, elsewhere: 5, rounded: true }
}

/// The open form in `language`, changed by `change`, as HTML.
fn form(language: &str, change: impl FnOnce(&mut FormPage<'_>)) -> String {
    render(language, true, &[], change)
}

fn render(language: &str, open: bool, errors: &[FieldError], change: impl FnOnce(&mut FormPage<'_>)) -> String {
    let languages = ["en", "ar", "pt"].map(String::from);
    let countries = [("DE".to_owned(), 40), ("BR".to_owned(), 100), ("AQ".to_owned(), 0)];
    let consents = [Consent { purpose: "updates", version: 3, text: NASTY, ticked: true }];
    let (campaign, totals, assets) =
        (Campaign { open, ..campaign(&languages, language) }, totals(&countries), assets());
    let mut page = FormPage {
        ui: Texts::of(language),
        assets: &assets,
        public_url: "https://pledges.example.org",
        campaign: &campaign,
        totals: &totals,
        fields: Fields {
            name: (Ask::Required, 120),
            email: (Ask::Optional, 254),
            message: (Ask::Off, 0),
            by_mail: false,
        },
        consents: &consents,
        typed: Typed::default(),
        source: "",
        return_to: None,
        site_key: None,
        form_token: None,
        errors,
        problem: None,
        proof: "adaptive",
        thanks: "/c/defend/en/thanks",
        framed: false,
        styled: false,
        trial: false,
        code: None,
    };
    change(&mut page);
    page.render().unwrap()
}

#[test]
fn nothing_inline_and_nothing_unescaped() {
    let errors = [FieldError { field: "/name".into(), code: NASTY.into() }];
    let html = render("en", true, &errors, |page| {
        page.typed = Typed { name: NASTY, email: NASTY, country: NASTY, message: NASTY };
        page.source = NASTY;
        page.return_to = Some(NASTY);
        page.problem = Some(NASTY);
    });
    assert!(!html.contains("<img"), "text became a tag");
    assert!(!html.contains(" style=") && !html.contains("<style") && !html.contains("javascript:alert(1)\""));
    assert!(
        html.match_indices("<script").all(|(at, _)| html[at..].starts_with("<script type=\"module\" src=\"/assets/"))
    );
    assert!(!html.contains("//fonts.") && !html.contains("cdn"));
}

#[test]
fn an_error_stands_in_the_summary_and_beside_its_field() {
    let errors = ["/email", "consent_updates", "language"]
        .map(|field| FieldError { field: field.into(), code: "too_long".into() });
    let html = render("en", true, &errors, |page| {
        page.typed.email = "kept@example.org";
    });
    assert!(html.contains("href=\"#email\"") && html.contains("id=\"email-error\""));
    assert!(html.contains("aria-describedby=\"email-hint email-error\" aria-invalid=\"true\""));
    assert!(html.contains("href=\"#consent_updates\"") && html.contains("value=\"kept@example.org\""));
    assert!(!html.contains("href=\"#language\""), "no link to a field that is not there");
    assert!(html.contains(Texts::of(ENGLISH).text("error_form_other")), "but it is told");
}

#[test]
fn the_form_asks_what_the_campaign_asks() {
    let html = form("en", |_| {});
    assert!(html.contains("name=\"name\"") && html.contains("name=\"email\"") && !html.contains("name=\"message\""));
    assert!(html.contains("name=\"consent_updates_version\" value=\"3\""));
    assert!(html.contains("value=\"ZZ\"") && html.contains("value=\"XK\""));
    assert!(!html.contains("name=\"source\"") && !html.contains("role=\"alert\""));
    assert!(html.find("data-country=\"BR\"") < html.find("data-country=\"DE\""), "the largest country first");
    assert!(!html.contains("data-country=\"AQ\""), "a zero is not listed");
}

#[test]
fn a_closed_campaign_has_no_form() {
    let html = render("en", false, &[], |_| {});
    assert!(!html.contains("<form") && !html.contains("data-live") && html.contains(">12,345<"));
}

#[test]
fn the_page_carries_its_own_language_and_direction() {
    assert!(form("ar", |_| {}).contains("<html lang=\"ar\" dir=\"rtl\">"));
    assert!(form("pt", |_| {}).contains("<html lang=\"pt\" dir=\"ltr\">"));
}

#[test]
fn a_goal_is_reached_at_its_last_pledge() {
    let english = Texts::of(ENGLISH);
    let goal = |total, goal| Totals { total, goal: Some(goal), ..totals(&[]) }.goal(english);
    assert_eq!(goal(999, 1_000).unwrap().percent, 99);
    assert_eq!(goal(i64::MAX, 1).unwrap().reached, 1);
    assert!(goal(5, 0).is_none() && goal(5, -1).is_none());
}

#[test]
fn the_other_pages_render() {
    let (assets, languages) = (assets(), ["en".to_owned(), "fr".to_owned()]);
    let (campaign, totals) = (campaign(&languages, "fr"), totals(&[]));
    let ui = Texts::of("fr");
    let public_url = "https://pledges.example.org";
    let after = After::default();
    let thanks =
        ThanksPage { ui, assets: &assets, public_url, campaign: &campaign, totals: &totals, after, trial: false };
    let thanks = thanks.render().unwrap();
    assert!(thanks.contains("/c/together-we-defend/en/thanks") && !thanks.contains("<img"));
    let started = [StartCampaign { campaign, totals }];
    for campaigns in [&started[..], &[]] {
        for development in [true, false] {
            let page = StartPage { ui: Texts::of(ENGLISH), assets: &assets, public_url, campaigns, development };
            assert_eq!(page.render().unwrap().contains("curl"), development);
        }
    }
    for status in [400, 404, 422, 429, 500, 503] {
        let html = ErrorPage { ui, assets: &assets, status, back: None }.render().unwrap();
        assert!(html.contains(&format!(">{status}<")));
    }
}

#[test]
fn every_key_in_the_templates_is_a_string() {
    for source in TEMPLATES {
        for after in source.split("text(\"").skip(1) {
            let key = after.split('"').next().unwrap();
            let is_key = key != "no_such_key" && key.contains('_') || key == "language" || key == "live";
            assert!(!is_key || Texts::of(ENGLISH).text(key) != key, "no string for {key}");
        }
    }
}
