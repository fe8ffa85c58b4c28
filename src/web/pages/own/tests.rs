//! Every page of one's own pledge in every language, with awkward content: what is offered, and that nothing harmful is.

use askama::Template;
use chrono::NaiveDate;

use super::{
    super::{After, ThanksPage, tests as pages},
    *,
};
use crate::{
    country::Country,
    pledges::submission::Consents,
    sealing::ReviewCopy,
    web::own::{Addresses, AskForm, Confirm, Done, Own, Shown, Sure},
};

const LANGUAGES: [&str; 6] = ["en", "fr", "es", "ar", "zh", "ru"];

const AGREED: [&str; 1] = [pages::NASTY];

fn draw(language: &str, page: &OwnPage<'_>) -> String {
    draw_with(language, Erasure::Withdraw, page)
}

fn draw_with(language: &str, erasure: Erasure, page: &OwnPage<'_>) -> String {
    let (assets, languages) = (pages::assets(), LANGUAGES.map(String::from));
    let campaign = pages::campaign(&languages, language);
    let consents = [
        Consent { purpose: "updates", version: 3, text: pages::NASTY, ticked: true },
        Consent { purpose: "public", version: 1, text: "Show me", ticked: false },
    ];
    let ui = Texts::of(language);
    OwnPledgePage { ui, assets: &assets, campaign: &campaign, erasure, agreed: &AGREED, consents: &consents, page }
        .render()
        .unwrap()
}

fn thanks(language: &str, after: After<'_>) -> String {
    let (assets, languages) = (pages::assets(), LANGUAGES.map(String::from));
    let (campaign, totals) = (pages::campaign(&languages, language), pages::totals(&[]));
    let (ui, public_url) = (Texts::of(language), "https://pledges.example.org");
    ThanksPage { ui, assets: &assets, public_url, campaign: &campaign, totals: &totals, after, trial: false }
        .render()
        .unwrap()
}

fn made_on() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 24).unwrap()
}

fn country() -> Country {
    "NG".parse().unwrap()
}

const SHOWN: Shown<'static> = Shown { name: Some(pages::NASTY), message: Some(pages::NASTY) };

fn confirm(copy: Option<&ReviewCopy>) -> OwnPage<'_> {
    let (post, own, not_me) = ("/x/confirm", "/x", "/x/not-me");
    let consents = Consents::default();
    OwnPage::Confirm(Confirm {
        country: country(),
        made_on: made_on(),
        copy,
        consents,
        shown: Some(SHOWN),
        post,
        own,
        not_me,
    })
}

fn own(standing: Standing, copy: Option<&ReviewCopy>) -> OwnPage<'_> {
    let addresses = Addresses {
        confirm: Some("/x/confirm"),
        consents: Some("/x/consents"),
        hide: Some("/x/hide"),
        withdraw: Some("/x/withdraw"),
        erase: Some("/x/erase"),
        not_me: Some("/x/not-me"),
    };
    OwnPage::Own(Own {
        standing,
        country: country(),
        made_on: made_on(),
        language: Some("ar"),
        copy,
        consents: Consents::default(),
        disowned: false,
        shown: Some(SHOWN),
        errors: &[],
        trouble: None,
        addresses,
    })
}

fn copy() -> ReviewCopy {
    let text = |text: &str| Some(text.to_owned());
    ReviewCopy { name: text(pages::NASTY), email: text("a•••@example.org"), message: text("One\nTwo <b>") }
}

fn sure(action: Action) -> OwnPage<'static> {
    OwnPage::Sure(Sure { action, post: "/x/do", back: "/x" })
}

/// Every page in its states, under a name.
fn every_page(copy: &ReviewCopy, look: impl Fn(&str, &OwnPage<'_>)) {
    let errors = ["/email", "/code", "/elsewhere"].map(|at| FieldProblem::new(at, "required"));
    let troubles = [Trouble::NoMatch, Trouble::TooMany, Trouble::Unavailable, Trouble::Over].map(Some);
    look("confirm", &confirm(Some(copy)));
    look("confirm without a copy", &confirm(None));
    for standing in [Standing::Waiting, Standing::Counted, Standing::Withdrawn] {
        look("own", &own(standing, Some(copy)));
        look("own without a copy", &own(standing, None));
    }
    for action in Action::ALL {
        look("sure", &sure(action));
        look("done", &OwnPage::Done(Done { deed: Deed::Action(action), own: Some("/x") }));
    }
    for deed in [Deed::ConsentsSaved, Deed::NoLongerShown] {
        look("done", &OwnPage::Done(Done { deed, own: None }));
    }
    for trouble in std::iter::once(None).chain(troubles) {
        let code =
            CodeForm { post: "/code", email: pages::NASTY, code: pages::NASTY, errors: &errors, trouble, ask: None };
        look("code", &OwnPage::Code(code));
        look("ask", &OwnPage::Ask(AskForm { post: "/ask", email: pages::NASTY, errors: &errors, trouble }));
    }
    look("asked", &OwnPage::Asked);
}

/// What holds for every page of ours.
fn is_sound(what: &str, language: &str, html: &str) {
    let direction = if language == "ar" { "rtl" } else { "ltr" };
    assert!(html.contains(&format!("<html lang=\"{language}\" dir=\"{direction}\">")), "{what}");
    assert!(html.contains("<meta name=\"robots\" content=\"noindex\">"), "{what}");
    assert!(!html.contains("<img") && !html.contains(" style=") && !html.contains("<style"), "{what}");
    for (at, _) in html.match_indices(" src=\"") {
        assert!(html[at..].starts_with(" src=\"/assets/"), "{what} loads from elsewhere");
    }
    assert_eq!(html.matches("<h1>").count(), 1, "{what}");
    let (h2, h3) = (html.find("<h2"), html.find("<h3"));
    assert!(h3.is_none() || h2.is_some_and(|h2| Some(h2) < h3), "{what}: headings in order");
    for text in html.split('>').filter_map(|rest| rest.split('<').next()) {
        let is_key = text.contains('_') && text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        assert!(!is_key, "{what}: no text for {text}");
    }
}

#[test]
fn every_page_is_sound_in_every_language() {
    let copy = copy();
    for language in LANGUAGES {
        every_page(&copy, |name, page| {
            is_sound(&format!("{name} in {language}"), language, &draw(language, page));
        });
        for after in [After::Counted, After::Mail(&CodeForm::default()), After::Confirmed { own: "/x" }] {
            is_sound(&format!("thanks in {language}"), language, &thanks(language, after));
        }
    }
}

#[test]
fn a_pledge_is_shown_and_one_button_confirms_it() {
    let copy = copy();
    let html = draw("en", &confirm(Some(&copy)));
    assert!(html.contains("a•••@example.org") && html.contains("One\nTwo &#60;b&#62;"), "all that was entered");
    let without = draw("en", &confirm(None));
    assert!(!without.contains("example.org") && without.contains(Texts::of("en").text("own_copy_gone")));
    assert!(html.contains("Nigeria") && html.contains("<time datetime=\"2026-11-24\">24 November 2026</time>"));
    assert!(html.contains("<li>&#34;&#62;&#60;img src=x onerror=alert(1)&#62;"), "what was agreed to");
    assert_eq!(html.matches("<form").count(), 1);
    assert!(html.contains("<form method=\"post\" action=\"/x/confirm\">"));
    assert_eq!(html.matches("<button").count(), 1);
    assert!(html.contains("<a href=\"/x\">") && html.contains("<a href=\"/x/not-me\">"));
}

#[test]
fn ones_own_pledge_offers_what_can_be_done() {
    let copy = copy();
    let offered = |standing: Standing| {
        let html = draw("en", &own(standing, Some(&copy)));
        [
            "/x/confirm",
            "/x/consents",
            "/x/hide",
            "/x/withdraw",
            "/x/erase",
            "/x/not-me",
            "/c/together-we-defend/en\">Pledge",
        ]
        .map(|address| html.contains(&format!("\"{address}")))
    };
    assert_eq!(offered(Standing::Waiting), [true, true, true, true, true, true, false]);
    assert_eq!(offered(Standing::Counted), [false, true, true, true, true, true, false]);
    assert_eq!(offered(Standing::Withdrawn), [false, true, true, false, true, true, true]);
    let html = draw("en", &own(Standing::Counted, Some(&copy)));
    assert!(html.contains("a•••@example.org") && html.contains("One\nTwo &#60;b&#62;") && html.contains("العربية"));
    assert!(html.contains("name=\"consent_updates_version\" value=\"3\"") && html.contains("name=\"consent_public\""));
    assert_eq!(html.matches(" checked").count(), 1);
    let without = draw("en", &own(Standing::Counted, None));
    assert!(!without.contains("example.org") && without.contains(Texts::of("en").text("own_copy_gone")));
}

#[test]
fn whoever_said_that_it_was_not_them_is_not_asked_to_pledge_again() {
    let OwnPage::Own(mut page) = own(Standing::Withdrawn, None) else { panic!("not the page") };
    page.disowned = true;
    assert!(!draw("en", &OwnPage::Own(page)).contains(Texts::of("en").text("pledge_again")));
}

#[test]
fn nothing_is_offered_that_has_no_address() {
    let OwnPage::Own(mut page) = own(Standing::Waiting, None) else { panic!("not the page") };
    page.addresses = Addresses::default();
    let html = draw("en", &OwnPage::Own(page));
    assert!(!html.contains("<form") && !html.contains("class=\"button"));
}

#[test]
fn a_second_step_says_what_happens_and_has_a_way_back() {
    for action in Action::ALL {
        let html = draw("en", &sure(action));
        assert_eq!(
            (html.matches("<form method=\"post\" action=\"/x/do\">").count(), html.matches("<button").count()),
            (1, 1)
        );
        assert!(html.contains("href=\"/x\""));
    }
    let counts = |erasure| draw_with("en", erasure, &sure(Action::Erase)).contains("goes on counting");
    assert!(counts(Erasure::Keep) && !counts(Erasure::Withdraw));
}

#[test]
fn a_mistake_in_a_short_form_stands_in_the_summary_and_beside_its_field() {
    let errors = [FieldProblem::new("/code", "required"), FieldProblem::new("/email", "invalid_email")];
    let form = CodeForm { post: "/code", email: "ann@", code: "k7q", errors: &errors, ..CodeForm::default() };
    let html = draw("en", &OwnPage::Code(form));
    assert!(html.contains("role=\"alert\" tabindex=\"-1\" autofocus"));
    assert!(html.contains("href=\"#code\"") && html.contains("id=\"code-error\"") && html.contains("href=\"#email\""));
    assert!(html.contains("aria-describedby=\"code-hint code-error\" aria-invalid=\"true\""));
    assert!(html.contains("value=\"ann@\"") && html.contains("value=\"k7q\""), "what was typed is kept");
    assert!(html.contains("<title>Error: "));
    let english = Texts::of("en");
    assert!(html.contains(english.text("error_required_code")) && html.contains(english.text("error_invalid_email")));
    assert!(html.contains("autocomplete=\"one-time-code\"") && html.contains("autocapitalize=\"characters\""));
    let fresh = draw("en", &OwnPage::Code(CodeForm { post: "/code", ..CodeForm::default() }));
    assert!(!fresh.contains("role=\"alert\"") && !fresh.contains("aria-invalid") && !fresh.contains("Error:"));
}

#[test]
fn a_mistake_that_is_not_on_the_page_is_told_too() {
    let errors = [FieldProblem::new("/elsewhere", "required")];
    let html = draw("en", &OwnPage::Ask(AskForm { post: "/ask", errors: &errors, ..AskForm::default() }));
    assert!(html.contains(Texts::of("en").text("trouble_other")) && !html.contains("href=\"#elsewhere\""));
}

#[test]
fn a_pledge_that_waits_is_not_said_to_count() {
    let form = CodeForm { post: "/code", ask: Some("/ask"), ..CodeForm::default() };
    let html = thanks("en", After::Mail(&form));
    assert!(html.contains("action=\"/code\"") && html.contains("href=\"/ask\"") && html.contains("id=\"code\""));
    assert!(!html.contains("data-total=") && !html.contains(Texts::of("en").text("thanks_title")));
    let counted = thanks("en", After::Counted);
    assert!(counted.contains("data-total=\"12345\"") && !counted.contains("<form"));
    let confirmed = thanks("en", After::Confirmed { own: "/x" });
    assert!(confirmed.contains("data-total=\"12345\"") && confirmed.contains("href=\"/x\""));
    assert!(!confirmed.contains("/thanks\""), "another language leads to other thanks");
}

#[test]
fn a_link_that_is_gone_says_what_to_do_instead() {
    let (assets, languages) = (pages::assets(), LANGUAGES.map(String::from));
    for language in LANGUAGES {
        let campaign = pages::campaign(&languages, language);
        for reason in [Reason::Unknown, Reason::Expired, Reason::Withdrawn, Reason::NotMe] {
            for (campaign, ask) in [(Some(&campaign), Some("/ask")), (Some(&campaign), None), (None, None)] {
                let gone = Gone { reason, ask };
                let html =
                    GonePage { ui: Texts::of(language), assets: &assets, campaign, gone: &gone }.render().unwrap();
                is_sound("gone", language, &html);
                assert_eq!(html.contains("href=\"/ask\""), ask.is_some());
                assert_eq!(html.contains("button main\" href=\"/\""), campaign.is_none(), "somewhere to go");
            }
        }
        // Only whose pledge was withdrawn is welcomed, and only while one can pledge.
        for open in [true, false] {
            let campaign = Campaign { open, ..pages::campaign(&languages, language) };
            for reason in [Reason::Expired, Reason::Withdrawn, Reason::NotMe] {
                let (ui, gone) = (Texts::of(language), Gone { reason, ask: None });
                let page = GonePage { ui, assets: &assets, campaign: Some(&campaign), gone: &gone };
                let html = page.render().unwrap();
                assert_eq!(html.contains(ui.text("gone_again_text")), open && reason == Reason::Withdrawn);
                let again = format!(">{}</a>", ui.text("pledge_again"));
                assert_eq!(html.contains(&again), open && reason != Reason::NotMe);
            }
        }
    }
}
