//! What the pages of one's own pledge share: how a link becomes a pledge, and a view an answer. The secret stands in the path, so
//! what is answered is kept nowhere, and nobody is told the address (`Referrer-Policy`).

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Payload},
};

use askama::Template;

use super::{Addresses, Gone, Own, OwnPage, Reason, Shown, Standing, Trouble};
use crate::{
    campaigns::{Campaign, Campaigns},
    country::Country,
    http::{
        Code as ProblemCode, FieldProblem, Problem,
        body::{self, BODY_LIMIT, Media},
        form,
    },
    pledges::{
        Pledges, State,
        links::Token,
        own::{self, OwnError},
    },
    web::{
        Pages, pages,
        routes::{html, html_text, preferred_languages},
        texts::Texts,
    },
};

/// Where a code is typed.
pub fn code_address(campaign: &Campaign, language: &str) -> String {
    format!("/c/{}/{language}/code", campaign.slug)
}

/// Where a code leads that was right.
pub(super) fn confirmed_address(campaign: &Campaign, language: &str) -> String {
    format!("/c/{}/{language}/confirmed", campaign.slug)
}

/// Where a new link is asked for.
pub fn ask_address(campaign: &Campaign, language: &str) -> String {
    format!("/c/{}/{language}/my-pledge", campaign.slug)
}

/// Nothing of these pages may stay in a cache.
pub(super) fn page(status: StatusCode, text: String) -> HttpResponse {
    let mut response = html_text(status, text);
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    }
    response
}

/// A pledge whose link is good, in its campaign.
pub(super) struct Held {
    pub(super) campaign: std::sync::Arc<Campaign>,
    pub(super) own: own::Own,
    pub(super) token: String,
    /// The pledge's language; of one that was erased, the visitor's.
    pub(super) language: String,
}

/// The parts of this door, as one argument.
pub(super) struct Door {
    pub(super) pledges: Data<Pledges>,
    pub(super) campaigns: Data<Campaigns>,
    pages: Data<Pages>,
    /// What the visitor reads, best first: for when no pledge says it.
    reads: Vec<String>,
}

impl Door {
    /// The pledge of a link, or the page that says that there is none.
    pub(super) async fn held(&self, token: &str) -> Result<Held, HttpResponse> {
        let unknown = || self.gone(None, Reason::Unknown);
        let parsed = Token::parse(token).ok_or_else(unknown)?;
        let own = self.pledges.own(&parsed).await.map_err(|error| self.trouble(error))?;
        let own = own.ok_or_else(|| self.nothing_behind(&parsed))?;
        let campaign = self.campaigns.by_id(own.row.campaign_id).ok_or_else(unknown)?;
        let mut tags = own.row.language.iter().chain(&self.reads);
        let language = tags.find_map(|tag| campaign.spoken(tag)).unwrap_or(&campaign.default_language).to_owned();
        Ok(Held { campaign, own, token: token.to_owned(), language })
    }

    /// A link that leads to no pledge: its time is over if there ever was such a link, also when nothing is kept of it any more.
    pub(super) fn nothing_behind(&self, token: &Token) -> HttpResponse {
        let campaign = self.campaigns.all().into_iter().find(|campaign| self.pledges.was_link_of(campaign, token));
        let Some(campaign) = campaign else { return self.gone(None, Reason::Unknown) };
        let language = self.reads.iter().find_map(|tag| campaign.spoken(tag)).unwrap_or(&campaign.default_language);
        self.gone(Some((&campaign, language)), Reason::Expired)
    }

    pub(super) fn gone(&self, campaign: Option<(&Campaign, &str)>, reason: Reason) -> HttpResponse {
        let language = campaign.map_or_else(|| self.reads(), |(_, language)| language);
        let asking = campaign.filter(|_| reason != Reason::NotMe);
        let ask = asking.map(|(campaign, language)| ask_address(campaign, language));
        let gone = Gone { reason, ask: ask.as_deref() };
        let status = if reason == Reason::Unknown { StatusCode::NOT_FOUND } else { StatusCode::GONE };
        self.drawn(status, self.pages.gone(campaign.map(|(campaign, _)| campaign), language, &gone))
    }

    pub(super) fn draw(
        &self,
        campaign: &Campaign,
        language: &str,
        status: StatusCode,
        view: &OwnPage<'_>,
    ) -> HttpResponse {
        self.drawn(status, self.pages.own(campaign, language, view))
    }

    /// The page by which the owner of an address agrees to mails of a partner's trials; without `post` it is agreed.
    pub(super) fn trials(&self, partner: &str, post: Option<&str>) -> Option<String> {
        let ui = Texts::of(self.reads());
        pages::TrialsPage { ui, assets: &self.pages.assets, partner, post }.render().ok()
    }

    /// The language of a page that belongs to no campaign.
    fn reads(&self) -> &'static str {
        let spoken = self.reads.iter().find_map(|tag| Texts::spoken(tag));
        spoken.map_or("en", Texts::lang)
    }

    pub(super) fn drawn(&self, status: StatusCode, text: Option<String>) -> HttpResponse {
        text.map_or_else(|| self.error(&ProblemCode::Internal.into()), |text| page(status, text))
    }

    pub(super) fn not_found(&self) -> HttpResponse {
        self.error(&ProblemCode::NotFound.into())
    }

    pub(super) fn trouble(&self, error: OwnError) -> HttpResponse {
        self.error(&error.into())
    }

    pub(super) fn error(&self, problem: &Problem) -> HttpResponse {
        let status = problem.code.status();
        let ui = Texts::of(self.reads());
        let view = pages::ErrorPage { ui, assets: &self.pages.assets, status: status.as_u16(), back: None };
        let mut response =
            html(status, &view).unwrap_or_else(|problem| actix_web::ResponseError::error_response(&problem));
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        }
        response
    }
}

impl Held {
    pub(super) fn address(&self, rest: &str) -> String {
        format!("/my-pledge/{}{rest}", self.token)
    }

    pub(super) fn country(&self) -> Country {
        self.own.row.country.parse().unwrap_or(Country::WITHHELD)
    }

    /// What may be shown publicly, as far as it can be read here.
    pub(super) fn shown(&self) -> Option<Shown<'_>> {
        let copy = self.own.copy.as_ref().filter(|_| self.own.row.consent_public.is_some())?;
        Some(Shown { name: copy.name.as_deref(), message: copy.message.as_deref() })
    }

    /// Why there is nothing to confirm in a pledge that was taken back.
    pub(super) fn taken_back(&self) -> Reason {
        if self.own.row.suppressed { Reason::NotMe } else { Reason::Withdrawn }
    }

    /// Whether the mail still confirms.
    pub(super) fn confirms(&self) -> bool {
        self.own.state == State::Awaiting && self.own.row.is_young
    }

    pub(super) fn draw(&self, door: &Door, status: StatusCode, view: &OwnPage<'_>) -> HttpResponse {
        door.draw(&self.campaign, &self.language, status, view)
    }

    pub(super) fn draw_own(
        &self,
        door: &Door,
        status: StatusCode,
        errors: &[FieldProblem],
        trouble: Option<Trouble>,
    ) -> HttpResponse {
        let confirm = format!("/confirm/{}", self.token);
        let [consents, hide, withdraw, erase, not_me] =
            ["/consents", "/hide", "/withdraw", "/erase", "/not-me"].map(|rest| self.address(rest));
        let standing = match self.own.state {
            State::Awaiting => Standing::Waiting,
            State::Counted | State::Held | State::Removed => Standing::Counted,
            State::Withdrawn => Standing::Withdrawn,
        };
        // Only of a pledge that counts something is shown.
        let shown = self.shown().filter(|_| standing == Standing::Counted);
        let (there, erased) = (standing != Standing::Withdrawn, self.own.row.erased_at.is_some());
        let view = Own {
            standing,
            country: self.country(),
            made_on: self.own.row.created_at.date_naive(),
            language: self.own.row.language.as_deref(),
            copy: self.own.copy.as_ref(),
            consents: self.own.row.consents(),
            disowned: self.own.row.suppressed,
            shown,
            errors,
            trouble,
            addresses: Addresses {
                confirm: self.confirms().then_some(&confirm),
                consents: (there && !erased).then_some(&consents),
                hide: shown.map(|_| hide.as_str()),
                withdraw: there.then_some(&withdraw),
                erase: (!erased).then_some(&erase),
                not_me: (!erased).then_some(&not_me),
            },
        };
        self.draw(door, status, &OwnPage::Own(view))
    }
}

impl FromRequest for Door {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut actix_web::dev::Payload) -> Self::Future {
        let parts = request.app_data().cloned().zip(request.app_data().cloned()).zip(request.app_data().cloned());
        let door = parts.map(|((pledges, campaigns), pages)| Self {
            pledges,
            campaigns,
            pages,
            reads: preferred_languages(request),
        });
        ready(door.ok_or_else(|| ProblemCode::Internal.into()))
    }
}

/// The entries of a posted form.
pub(super) async fn entries(request: &HttpRequest, payload: Payload) -> Result<form::Entries, Problem> {
    let media = Media::of(request)?;
    form::entries(request, &media, body::read(request, &mut payload.into_inner(), BODY_LIMIT).await?).await
}
