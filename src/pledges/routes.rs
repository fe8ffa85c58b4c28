//! The door for a pledge: JSON and plain forms reach the same code, and everybody gets the same answer.

use std::sync::Arc;

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::{
        Method,
        header::{self, HeaderValue},
    },
    post,
    web::{self, Bytes, Data, Path, Payload},
};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::{
    FormAgain, FormPages, Pledges,
    arrival::{Arrival, Carrier},
    batches::Refused,
    bodies::{PledgeBody, PledgeForm},
    fields::IdempotencyKey,
    form::PostedForm,
    ingest::PledgeError,
    submission::Submission,
};
use crate::{
    campaigns::{Campaign, Campaigns, settings::Confirmation},
    gate::UNGATED,
    http::{
        Code, FieldCode, FieldProblem, Problem, ProblemBody, Visitor, allow,
        body::{self, BODY_LIMIT, Media},
        form,
        headers::AllowedOrigin,
    },
    partners::{
        self, Admitted, Claims, Lane, Partners,
        routes::{origin, secret_key},
    },
    sealing::NoEpoch,
    totals::{Totals, board::Document},
};

const PATH: &str = "/v1/campaigns/{slug}/pledges";

/// The operations of this feature.
pub fn routes(config: &mut ServiceConfig) {
    config.service(submit).route(PATH, web::method(Method::OPTIONS).to(preflight));
}

/// The pledge is recorded (see the status for whether it counts yet).
#[derive(Serialize, ToSchema)]
pub struct Receipt<'a> {
    /// The Idempotency-Key that was sent, or a random value. It can't be looked up.
    #[schema(example = "0197c5f1-6d0e-7c3a-9b1e-2f4a5d6c7b80")]
    id: String,
    /// The totals as published before this pledge.
    #[schema(value_type = Document)]
    totals: &'a RawValue,
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Overloaded => Code::Unavailable.into(),
            Refused::Database(error) => error.into(),
        }
    }
}

impl From<PledgeError> for Problem {
    fn from(error: PledgeError) -> Self {
        match error {
            PledgeError::Refused(refused) => refused.into(),
            PledgeError::NoEpoch(NoEpoch::NoRecipient) => Code::Unavailable.into(),
            PledgeError::IdempotencyMismatch => Code::IdempotencyMismatch.into(),
            PledgeError::ProofSpent => Code::ProofSpent.into(),
            PledgeError::NoEpoch(NoEpoch::Database(error)) => error.into(),
            PledgeError::Crypto(error) | PledgeError::NoEpoch(NoEpoch::Crypto(error)) => error.into(),
        }
    }
}

/// Everything a pledge goes through, as one argument.
struct Door<'a> {
    campaign: Arc<Campaign>,
    pledges: &'a Pledges,
    partners: &'a Partners,
    totals: &'a Totals,
    key: Option<IdempotencyKey>,
    secret: Option<String>,
    origin: Option<&'a str>,
    visitor: Visitor,
    limited: Result<(), Problem>,
}

/// Record a pledge
///
/// Counts once a mailbox: sending the same again is safe and answered alike, so nobody learns whether a mailbox had
/// pledged. Where the campaign's `confirmation` is `email`, the mailbox is sent a link and a code, and the pledge counts when
/// it is confirmed with one of them. Send a random `Idempotency-Key` with pledges that carry no e-mail address, and the same one with a retry.
///
/// A plain HTML form may post here too; a browser is then sent on to `return_to` (an address of this
/// service), or shown the form again. Pages of other sites need a registered partner's `site_key`; a partner's server may send its
/// secret key instead.
#[utoipa::path(
    tag = "Pledges", operation_id = "recordPledge", security(()),
    params(
        ("slug" = String, Path, description = "The campaign", example = "together-we-defend"),
        ("Idempotency-Key" = inline(IdempotencyKey), Header, description = "Random, the same for each retry of a pledge"),
    ),
    request_body(content(
        (PledgeBody = "application/json"),
        (PledgeForm = "application/x-www-form-urlencoded"),
        (PledgeForm = "multipart/form-data"),
    )),
    responses(
        (status = 201, description = "Recorded, and counted once", body = Receipt),
        (status = 202, description = "Recorded; it counts once its mailbox confirms it. A mail is on its way", body = Receipt),
        (status = 303, description = "Either, for a form", headers(("Location" = String))),
        (status = 403, description = "This page, key or partner may not post here", content(
            (ProblemBody = "application/problem+json"), (String = "text/html"),
        )),
        (status = 404, description = "No such campaign", body = ProblemBody, content_type = "application/problem+json"),
        (status = 400, description = "Body or header can't be read", content(
            (ProblemBody = "application/problem+json"), (String = "text/html"),
        )),
        (status = 408, description = "The body came too slowly", content(
            (ProblemBody = "application/problem+json"), (String = "text/html"),
        )),
        (status = 409, description = "The campaign is closed", content(
            (ProblemBody = "application/problem+json"), (String = "text/html"),
        )),
        (status = 413, description = "The body is too large", content(
            (ProblemBody = "application/problem+json"), (String = "text/html"),
        )),
        (status = 422, description = "Some fields are not right", content(
            (ProblemBody = "application/problem+json"), (String = "text/html"),
        )),
        (status = 429, description = "Too many at once from this network or server; nothing is stored. Wait as long as Retry-After says", content(
            (ProblemBody = "application/problem+json"), (String = "text/html"),
        )),
        (status = 503, description = "Not stored; send it again", content(
            (ProblemBody = "application/problem+json"), (String = "text/html"),
        )),
    ),
)]
#[post("/v1/campaigns/{slug}/pledges")]
pub async fn submit(
    request: HttpRequest,
    (pledges, campaigns, totals): (Data<Pledges>, Data<Campaigns>, Data<Totals>),
    partners: Data<Partners>,
    pages: Data<dyn FormPages>,
    slug: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let refused = |problem: &Problem| pledges.refused(problem.code);
    let (media, secret) = (Media::of(&request), secret_key(&request));
    let carrier = if media == Ok(Media::Json) { Carrier::Script } else { Carrier::Form };
    let visitor = Visitor::of(&request);
    let limited = (!UNGATED).then(|| pledges.limited(&partners, (secret.as_deref(), carrier), visitor.source(), 1));
    let limited = allow(&request, limited);
    let campaign = campaigns.find(&slug).ok_or(Code::CampaignNotFound.into()).inspect_err(refused)?;
    let origin = origin(&request).inspect_err(refused)?;
    allow_scripts(&request, &partners, &campaign, origin);
    // The body, and with it the site key, is read of nobody who is refused here.
    let claims = Claims { site_key: None, secret: secret.as_deref(), origin };
    let unread = |problem: &Problem| {
        refused(problem);
        partners.refused(campaign.id, claims, problem.code, 1);
    };
    let media = media.inspect_err(unread)?;
    let key = idempotency_key(&request).inspect_err(unread)?;
    let limited = limited.and_then(|()| allow(&request, pledges.limited_by_campaign(campaign.id)));
    if media == Media::Json {
        limited.clone().inspect_err(unread)?;
    }
    let bytes = body::read(&request, &mut payload.into_inner(), BODY_LIMIT).await;
    // A body may take ten seconds: what was changed meanwhile holds.
    let campaign = campaigns.find(&slug).unwrap_or(campaign);
    let door = Door {
        campaign,
        pledges: &pledges,
        partners: &partners,
        totals: &totals,
        key,
        secret,
        origin,
        visitor,
        limited,
    };
    if media == Media::Json {
        let recorded = door.pass_json(bytes).await.inspect_err(refused)?;
        let mut response = match door.campaign.confirmation {
            Confirmation::Email => HttpResponse::Accepted(),
            Confirmation::None => HttpResponse::Created(),
        };
        return Ok(response.json(recorded.body()));
    }
    // In a box of its own: what reads forms is large, and thousands of requests may be under way.
    let (posted, passed) = Box::pin(door.read_form(&request, &media, bytes)).await;
    match passed.inspect_err(refused) {
        Ok(to) => Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, to)).finish()),
        Err(problem) if wants_html(&request) => Ok(door.again(&posted, &problem, pages.as_ref())),
        Err(problem) => Err(problem),
    }
}

/// What a recorded pledge is answered with.
struct Recorded {
    id: String,
    totals: Box<RawValue>,
}

impl Recorded {
    fn body(&self) -> Receipt<'_> {
        Receipt { id: self.id.clone(), totals: &self.totals }
    }
}

impl Door<'_> {
    fn arrival<'b>(&self, submission: &'b Submission, carrier: Carrier) -> Arrival<'b> {
        Arrival { submission, carrier, visitor: self.visitor }
    }

    /// Keeps account, for the partner whom it concerns, of what is refused before it is decided whose it is.
    fn refuse(&self, site_key: Option<&str>, problem: &Problem) {
        self.partners.refused(self.campaign.id, self.claims(site_key), problem.code, 1);
    }

    fn claims<'b>(&'b self, site_key: Option<&'b str>) -> Claims<'b> {
        Claims { site_key, secret: self.secret.as_deref(), origin: self.origin }
    }

    /// Whose it is, and the totals as they are published.
    fn admit(&self, site_key: Option<&str>) -> Result<(Admitted, Box<RawValue>), Problem> {
        // A form is read first, so that nobody has to fill it in again.
        self.limited.clone()?;
        let admitted = if UNGATED {
            Admitted { partner: None, lane: Lane::Live, door: partners::Door::Server }
        } else {
            self.partners.admit(self.campaign.id, self.claims(site_key))?
        };
        Ok((admitted, self.totals.published(&self.campaign.slug).ok_or(Code::Unavailable)?.raw.clone()))
    }

    async fn pass(&self, arrival: Arrival<'_>, mistakes: Vec<FieldProblem>) -> Result<Recorded, Problem> {
        let site_key = arrival.submission.site_key.as_deref();
        // The totals are read before the pledge is stored, so that the answer can't tell whether it counted.
        let (admitted, totals) = self.admit(site_key).inspect_err(|problem| self.refuse(site_key, problem))?;
        let taken = self.pledges.take(&self.campaign, &admitted, arrival, mistakes, self.key.as_ref()).await;
        self.partners.note(&admitted, &taken);
        taken?;
        let id = self.key.as_ref().map_or_else(|| Uuid::new_v4().to_string(), |key| key.as_str().to_owned());
        Ok(Recorded { id, totals })
    }

    async fn pass_json(&self, bytes: Result<Bytes, Problem>) -> Result<Recorded, Problem> {
        let submission = bytes.and_then(|bytes| body::parse(&bytes));
        let submission = submission.inspect_err(|problem| self.refuse(None, problem))?;
        self.pass(self.arrival(&submission, Carrier::Script), Vec::new()).await
    }

    /// Records a form's pledge: what could be read of the form, and where the browser goes.
    async fn read_form(
        &self,
        request: &HttpRequest,
        media: &Media,
        bytes: Result<Bytes, Problem>,
    ) -> (PostedForm, Result<String, Problem>) {
        let entries = match bytes {
            Ok(bytes) => form::entries(request, media, bytes).await,
            Err(problem) => Err(problem),
        };
        match entries {
            Err(problem) => {
                self.refuse(None, &problem);
                (PostedForm::default(), Err(problem))
            }
            Ok(entries) => {
                let (posted, mistakes) = PostedForm::read(entries);
                let passed = self.pass_form(&posted, mistakes, request).await;
                (posted, passed)
            }
        }
    }

    async fn pass_form(
        &self,
        posted: &PostedForm,
        mut mistakes: Vec<FieldProblem>,
        request: &HttpRequest,
    ) -> Result<String, Problem> {
        let to = match posted.return_to.as_deref() {
            None => Some(format!("/c/{}/{}/thanks", self.campaign.slug, self.language(&posted.submission))),
            Some(to) => own_address(to, request),
        };
        if to.is_none() {
            mistakes.push(FieldProblem::new("/return_to", FieldCode::NotAllowed));
        }
        self.pass(self.arrival(&posted.submission, Carrier::Form), mistakes)
            .await
            .map_err(|problem| posted.at_its_boxes(problem))?;
        to.ok_or_else(|| Code::Internal.into())
    }

    fn language(&self, submission: &Submission) -> &str {
        let spoken = submission.language.as_deref().and_then(|tag| self.campaign.spoken(tag));
        spoken.unwrap_or(&self.campaign.default_language)
    }

    fn again(&self, posted: &PostedForm, problem: &Problem, pages: &dyn FormPages) -> HttpResponse {
        // Whose form it is: a partner's, though it posts from our own page.
        let claims = Claims { site_key: posted.submission.site_key.as_deref(), ..Claims::default() };
        let whose = self.partners.admit(self.campaign.id, claims).ok();
        let partner = whose.as_ref().and_then(|whose| whose.partner.as_ref());
        let form = FormAgain {
            campaign: &self.campaign,
            submission: &posted.submission,
            return_to: posted.return_to.as_deref(),
            errors: &problem.errors,
            problem: problem.code.as_str(),
            framers: partner.map(|partner| self.partners.framers(partner)).unwrap_or_default(),
            trial: whose.is_some_and(|whose| whose.lane == Lane::Test),
        };
        match pages.again(&form) {
            Some(page) => {
                // What a page may load is the same for every page; see web.
                let mut response = HttpResponse::build(problem.code.status());
                response.insert_header((header::CONTENT_SECURITY_POLICY, page.policy));
                if let Some(seconds) = problem.retry_after_seconds() {
                    response.insert_header((header::RETRY_AFTER, seconds));
                }
                response.content_type("text/html; charset=utf-8").body(page.html)
            }
            None => actix_web::ResponseError::error_response(problem),
        }
    }
}

/// Lets scripts of a partner's page read the answer, whatever it is.
fn allow_scripts(request: &HttpRequest, partners: &Partners, campaign: &Campaign, origin: Option<&str>) {
    let allowed = origin.filter(|origin| partners.is_page(campaign.id, origin));
    if let Some(origin) = allowed.and_then(|origin| HeaderValue::from_str(origin).ok()) {
        request.extensions_mut().insert(AllowedOrigin(origin));
    }
}

/// What a browser asks before a script of another site may post: the pages of the campaign's partners may.
async fn preflight(
    request: HttpRequest,
    campaigns: Data<Campaigns>,
    partners: Data<Partners>,
    slug: Path<String>,
) -> Result<HttpResponse, Problem> {
    let campaign = campaigns.find(&slug).ok_or(Code::CampaignNotFound)?;
    allow_scripts(&request, &partners, &campaign, origin(&request)?);
    Ok(HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "POST"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type, Idempotency-Key"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "7200"))
        .finish())
}

/// The header, if it was sent: once, and as the draft standard has it.
pub(super) fn idempotency_key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, Problem> {
    let mut values = request.headers().get_all("idempotency-key");
    let (Some(value), second) = (values.next(), values.next()) else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| second.is_none()).ok_or(Code::BadHeader)?;
    IdempotencyKey::parse(text).map(Some).map_err(|_| Code::BadHeader.into())
}

/// An address of this service, or None: forms must not send people to strangers.
fn own_address(to: &str, request: &HttpRequest) -> Option<String> {
    let origin = request.app_data::<Data<crate::http::PublicOrigin>>()?;
    let base = reqwest::Url::parse(&origin.0).ok()?;
    // A blob: URL has the origin of the address inside it.
    let url = base.join(to).ok().filter(|url| url.origin() == base.origin() && url.scheme() == base.scheme())?;
    // Absolute, because a path such as //elsewhere.example would lead away.
    Some(url.to_string())
}

/// Browsers ask for HTML by name; programs that post forms get problems.
fn wants_html(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    accept.contains("text/html")
}
