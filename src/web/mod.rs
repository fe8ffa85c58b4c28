//! What people see: pages ([`pages`], [`docs`]) in their language ([`texts`]) and the files they load ([`files`]).

mod comments;
pub mod dashboard;
pub mod docs;
pub mod embed;
pub mod files;
pub mod moderation;
pub mod own;
pub mod pages;
pub mod partners;
pub mod routes;
pub mod texts;
mod views;

use std::sync::{Arc, OnceLock};

use crate::{
    campaigns::{Campaign, settings::Confirmation},
    config::Mode,
    gate::{form_token::FormTokens, proof::Bound},
    http::{
        Code, FieldCode, PublicOrigin,
        compressed::{Forms, Kind},
        headers::{PAGE_POLICY, framed_policy},
    },
    partners::Partner,
    pledges::{Drawn, FormAgain, FormPages, submission::Consents},
    totals::Totals,
};
use askama::Template;

use docs::Reference;
use files::Files;
use own::{Gone, OwnPage};
use texts::Texts;

/// The handle: draws pages. Clones share everything.
#[derive(Clone)]
pub struct Pages {
    origin: PublicOrigin,
    development: bool,
    totals: Totals,
    forms: FormTokens,
    files: Arc<Files>,
    assets: Arc<pages::Assets>,
    documents: Arc<Documents>,
}

/// How long caches may use a document that changes with the program.
const DOCUMENT_CACHING: &str = "public, max-age=300";

/// What is the same for everybody as long as the program runs: drawn and compressed once, at its first start: they are
/// so large that whoever asked first would hold up a worker.
struct Documents {
    reference: Forms,
    problems: Forms,
    yaml: Forms,
    json: Forms,
}

impl Documents {
    fn of_this_program(openapi: &OpenApiText, assets: &pages::Assets) -> Arc<Self> {
        static DRAWN: OnceLock<Arc<Documents>> = OnceLock::new();
        DRAWN.get_or_init(|| Arc::new(Self::new(openapi, assets))).clone()
    }

    fn new(openapi: &OpenApiText, assets: &pages::Assets) -> Self {
        let (ui, document) = (Texts::of("en"), serde_json::from_str(&openapi.json).unwrap_or_default());
        let reference = docs::DocsPage { ui, assets, reference: &Reference::read(&document) }.render();
        let problem = |code: &Code| docs::ProblemEntry {
            code: code.as_str(),
            status: code.status().as_u16(),
            title: code.title(),
            detail: code.detail(),
        };
        let problems: Vec<_> = Code::ALL.iter().map(problem).collect();
        let field = |code: &FieldCode| docs::FieldCode { code: code.as_str(), meaning: code.meaning() };
        let fields: Vec<_> = FieldCode::ALL.iter().map(field).collect();
        let problems = docs::ProblemsPage { ui, assets, problems: &problems, fields: &fields }.render();
        let kept =
            |content, text: &str| Forms::new("docs", Kind { content, caching: DOCUMENT_CACHING }, text.as_bytes());
        // Drawing into memory fails only by a defect of a template, which the tests of the pages would show.
        let page = |text: Result<String, askama::Error>| kept("text/html; charset=utf-8", &text.unwrap_or_default());
        Self {
            reference: page(reference),
            problems: page(problems),
            yaml: kept("application/yaml; charset=utf-8", &openapi.yaml),
            json: kept("application/json; charset=utf-8", &openapi.json),
        }
    }
}

/// The OpenAPI document as it is served.
#[derive(Debug)]
pub struct OpenApiText {
    /// As YAML.
    pub yaml: String,
    /// As JSON.
    pub json: String,
}

impl Pages {
    /// Pages of the service at `origin`, with the reference of the API's document.
    pub fn new(origin: PublicOrigin, mode: Mode, totals: Totals, forms: FormTokens, openapi: &OpenApiText) -> Self {
        let development = mode == Mode::Development;
        let files = Files::load();
        let assets = Arc::new(pages::Assets::new(|name| files.address(name), |name| files.imported_by(name)));
        let documents = Documents::of_this_program(openapi, &assets);
        Self { origin, development, totals, forms, files, assets, documents }
    }

    /// The form of a campaign, on our page or in another's; None when the campaign doesn't speak the language or has no totals yet.
    fn form(&self, campaign: &Campaign, language: &str, asked: &Asked<'_>) -> Option<String> {
        let whose = asked.whose;
        let partner = whose.map(|whose| whose.partner.id);
        let test = whose.is_some_and(|whose| whose.test);
        let token = self.forms.issue(&Bound { campaign: campaign.id, partner, test });
        let site_key = whose.map(|whose| whose.site_key.as_str());
        let (framed, styled, trial) = (asked.framed, asked.styled, test);
        let state = FormState { site_key, form_token: Some(&token), framed, styled, trial, ..FormState::default() };
        self.draw_form(campaign, language, asked.source, &state)
    }

    fn draw_form(&self, campaign: &Campaign, language: &str, source: &str, state: &FormState<'_>) -> Option<String> {
        let view = views::CampaignView::new(campaign, language)?;
        let published = self.totals.published(&campaign.slug)?;
        let totals = views::TotalsView::new(&published.document);
        let consents = view.consents(&state.consents);
        let language = &view.language;
        let (post, ask) = (own::door::code_address(campaign, language), own::door::ask_address(campaign, language));
        let code = own::CodeForm { post: &post, ask: Some(&ask), ..own::CodeForm::default() };
        let thanks = if state.framed {
            embed::thanks_address(&campaign.slug, language, state.site_key)
        } else {
            let key = state.site_key.filter(|_| state.trial).map(|key| format!("?site_key={key}"));
            format!("/c/{}/{language}/thanks{}", campaign.slug, key.unwrap_or_default())
        };
        let page = pages::FormPage {
            ui: Texts::of(&view.language),
            assets: &self.assets,
            public_url: &self.origin.0,
            campaign: &view.campaign(),
            totals: &totals.totals(),
            fields: views::fields(campaign),
            consents: &consents,
            typed: state.typed,
            source,
            // A plain post would leave the frame otherwise, or forget that it was a trial.
            return_to: state.return_to.or((state.framed || state.trial).then_some(&thanks)),
            site_key: state.site_key,
            form_token: state.form_token,
            errors: &state.errors,
            problem: state.problem,
            proof: campaign.proof.as_str(),
            thanks: &thanks,
            framed: state.framed,
            styled: state.styled,
            trial: state.trial,
            code: (campaign.confirmation == Confirmation::Email).then_some(&code),
        };
        if state.framed { pages::FramePage(page).render().ok() } else { page.render().ok() }
    }

    /// The thanks after a pledge, on our page or in another's; None as for the form.
    fn thanks(&self, campaign: &Campaign, language: &str, framed: bool, trial: bool) -> Option<String> {
        let view = views::CampaignView::new(campaign, language)?;
        let published = self.totals.published(&campaign.slug)?;
        let totals = views::TotalsView::new(&published.document);
        let (post, ask) = (own::door::code_address(campaign, language), own::door::ask_address(campaign, language));
        let code = own::CodeForm { post: &post, ask: Some(&ask), ..own::CodeForm::default() };
        let page = pages::ThanksPage {
            ui: Texts::of(&view.language),
            assets: &self.assets,
            public_url: &self.origin.0,
            campaign: &view.campaign(),
            totals: &totals.totals(),
            after: match campaign.confirmation {
                Confirmation::None => pages::After::Counted,
                Confirmation::Email => pages::After::Mail(&code),
            },
            trial,
        };
        if framed { pages::FrameThanksPage(page).render().ok() } else { page.render().ok() }
    }
}

/// The partner whose form it is.
struct Whose {
    partner: Arc<Partner>,
    test: bool,
    site_key: String,
}

/// Which form is asked for.
struct Asked<'a> {
    /// Where the supporter came from.
    source: &'a str,
    whose: Option<&'a Whose>,
    /// Whether it stands in another site's page.
    framed: bool,
    /// Whether a look is asked for.
    styled: bool,
}

/// What a form is filled with.
#[derive(Default)]
struct FormState<'a> {
    typed: pages::Typed<'a>,
    consents: Vec<crate::campaigns::settings::Purpose>,
    return_to: Option<&'a str>,
    site_key: Option<&'a str>,
    form_token: Option<&'a str>,
    errors: Vec<pages::FieldError>,
    problem: Option<&'a str>,
    framed: bool,
    styled: bool,
    trial: bool,
}

impl FormPages for Pages {
    fn again(&self, form: &FormAgain<'_>) -> Option<Drawn> {
        let text = |value: &'_ Option<String>| -> String { value.clone().unwrap_or_default() };
        let typed = form.submission;
        let [name, email, country, message] = [&typed.name, &typed.email, &typed.country, &typed.message].map(text);
        let spoken = typed.language.as_deref().and_then(|tag| form.campaign.spoken(tag));
        let language = spoken.unwrap_or(&form.campaign.default_language);
        let errors = form
            .errors
            .iter()
            .map(|error| pages::FieldError { field: error.pointer.clone(), code: error.code.clone() });
        // Where it goes afterwards tells where it stands.
        let framed = form.return_to.is_some_and(|to| to.starts_with(embed::PATH));
        let state = FormState {
            typed: pages::Typed { name: &name, email: &email, country: &country, message: &message },
            consents: typed.consents.iter().flatten().map(|consent| consent.purpose).collect(),
            // One that was refused would be refused for ever.
            return_to: form.return_to.filter(|_| form.errors.iter().all(|error| error.pointer != "/return_to")),
            // The same as before: since then it has been filled in.
            site_key: typed.site_key.as_deref(),
            form_token: typed.form_token.as_deref(),
            errors: errors.collect(),
            problem: Some(form.problem),
            framed,
            styled: false,
            trial: form.trial,
        };
        let source = typed.source.as_deref().unwrap_or("");
        let html = self.draw_form(form.campaign, language, source, &state)?;
        let policy = if framed { framed_policy(&form.framers) } else { PAGE_POLICY.to_owned() };
        Some(Drawn { html, policy })
    }
}

impl Pages {
    /// A page of one's own pledge, in a language of the campaign's (else its default one); None when it can't be drawn. None of
    /// them is for search engines, and none loads anything of others.
    fn own(&self, campaign: &Campaign, language: &str, page: &OwnPage<'_>) -> Option<String> {
        let language = campaign.spoken(language).unwrap_or(&campaign.default_language);
        let view = views::CampaignView::new(campaign, language)?;
        let ui = Texts::of(&view.language);
        if let OwnPage::Confirmed { own } = page {
            let published = self.totals.published(&campaign.slug)?;
            let totals = views::TotalsView::new(&published.document);
            let page = pages::ThanksPage {
                ui,
                assets: &self.assets,
                public_url: &self.origin.0,
                campaign: &view.campaign(),
                totals: &totals.totals(),
                after: pages::After::Confirmed { own },
                trial: false,
            };
            return page.render().ok();
        }
        let given = match page {
            OwnPage::Confirm(confirm) => confirm.consents,
            OwnPage::Own(own) => own.consents,
            _ => Consents::default(),
        };
        let page = pages::OwnPledgePage {
            ui,
            assets: &self.assets,
            campaign: &view.campaign(),
            erasure: campaign.retention.erasure,
            agreed: &view.agreed(given),
            consents: &view.consents(&views::ticked(given)),
            page,
        };
        page.render().ok()
    }

    /// Where a link leads that no longer works; without a campaign when that isn't known either.
    fn gone(&self, campaign: Option<&Campaign>, language: &str, gone: &Gone<'_>) -> Option<String> {
        let view = campaign.and_then(|campaign| {
            let language = campaign.spoken(language).unwrap_or(&campaign.default_language);
            views::CampaignView::new(campaign, language)
        });
        let ui = Texts::of(view.as_ref().map_or(language, |view| &view.language));
        let campaign = view.as_ref().map(views::CampaignView::campaign);
        pages::GonePage { ui, assets: &self.assets, campaign: campaign.as_ref(), gone }.render().ok()
    }
}
