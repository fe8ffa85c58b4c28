//! The door for a partner's server.

use std::iter;

use actix_web::{
    HttpRequest, post,
    web::{Data, Json, Path, Payload},
};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;
use validator::{Validate, ValidationError};

use crate::{
    campaigns::Campaigns,
    http::{Code, FieldCode, FieldProblem, Problem, ProblemBody, Visitor, allow, announce, body},
    partners::{
        Claims, Partners,
        routes::{origin, secret_key},
    },
    pledges::{
        Pledges,
        arrival::{Arrival, Carrier},
        bodies::PledgeBody,
        fields::IdempotencyKey,
        routes::idempotency_key,
        submission::Submission,
    },
    totals::{Totals, board::Document},
};

/// Pledges of one request at the most.
const MOST: usize = 500;

/// Five hundred of the usual size take 150 KB, with the longest messages in scripts of three bytes a character 1 MB.
const BODY_LIMIT: usize = 1024 * 1024;

/// The operations of this part.
pub fn routes(config: &mut ServiceConfig) {
    config.service(submit);
}

/// Pledges of a partner's server.
#[derive(Deserialize, ToSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct PledgeBatch {
    /// 1 to 500 of them.
    #[validate(custom(function = "some"))]
    #[schema(value_type = Vec<PledgeBody>, min_items = 1, max_items = 500)]
    pledges: Vec<Box<RawValue>>,
}

fn some(pledges: &[Box<RawValue>]) -> Result<(), ValidationError> {
    match pledges.len() {
        0 => Err(ValidationError::new(FieldCode::Required.as_str())),
        count if count > MOST => Err(ValidationError::new(FieldCode::TooMany.as_str())),
        _ => Ok(()),
    }
}

/// What became of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowStatus {
    /// It is stored; or its mailbox had pledged before.
    Recorded,
    /// It is not right: mend it.
    Refused,
    /// It was not stored: send it again.
    Unavailable,
}

/// The answer for one.
#[derive(Serialize, ToSchema)]
pub struct RowResult {
    status: RowStatus,
    /// The stable name of the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "invalid_fields")]
    code: Option<&'static str>,
    /// Which of its fields are not right.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
}

impl From<&Result<(), Problem>> for RowResult {
    fn from(result: &Result<(), Problem>) -> Self {
        match result {
            Ok(()) => Self { status: RowStatus::Recorded, code: None, errors: Vec::new() },
            Err(problem) => {
                let again = problem.code.status().is_server_error();
                let status = if again { RowStatus::Unavailable } else { RowStatus::Refused };
                Self { status, code: Some(problem.code.as_str()), errors: problem.errors.clone() }
            }
        }
    }
}

/// The answers, in the order of the pledges.
#[derive(Serialize, ToSchema)]
pub struct BatchReceipt {
    results: Vec<RowResult>,
    /// The totals as published before.
    #[schema(value_type = Document)]
    totals: Box<RawValue>,
}

/// Record pledges of a partner's server
///
/// Up to 500 at a time, with the partner's secret key. Each is answered for itself, and each valid one alike, whether or not
/// its mailbox had pledged. Send the same body with the same `Idempotency-Key` again when no answer came: it counts once.
#[utoipa::path(
    tag = "Partners", operation_id = "recordPledges", security(("secret_key" = [])),
    params(
        ("slug" = String, Path, description = "The campaign", example = "together-we-defend"),
        ("Idempotency-Key" = inline(IdempotencyKey), Header, description = "Random, the same for each retry of a batch; it is good for each pledge at its place in it"),
    ),
    request_body = PledgeBatch,
    responses(
        (status = 200, description = "What became of each", body = BatchReceipt),
        (status = 401, description = "No secret key", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The campaign has no partner with this key, it is disabled, or this came from a page", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "No such campaign", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many at once; none of them is stored. Wait as long as Retry-After says", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "None of them is stored; send them again", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
#[post("/v1/campaigns/{slug}/pledges/batches")]
pub async fn submit(
    request: HttpRequest,
    (pledges, campaigns, totals): (Data<Pledges>, Data<Campaigns>, Data<Totals>),
    partners: Data<Partners>,
    slug: Path<String>,
    payload: Payload,
) -> Result<Json<BatchReceipt>, Problem> {
    let secret = secret_key(&request);
    announce(&request, pledges.policies(&partners, secret.as_deref()));
    let unknown = |problem: &Problem| pledges.refused(problem.code);
    let secret = secret.ok_or(Code::Unauthorized.into()).inspect_err(unknown)?;
    let campaign = campaigns.find(&slug).ok_or(Code::CampaignNotFound.into()).inspect_err(unknown)?;
    let origin = origin(&request).inspect_err(unknown)?;
    let claims = Claims { secret: Some(&secret), origin, site_key: None };
    // Of a batch that is refused as a whole it isn't known how many there are until it is read.
    let refused = |problem: &Problem, rows: usize| {
        pledges.many_refused(problem.code, rows);
        partners.refused(campaign.id, claims, problem.code, rows);
    };
    // Before the body: a megabyte is read of nobody who is unknown.
    let admitted = partners.admit(campaign.id, claims).inspect_err(|problem| refused(problem, 1))?;
    let key = idempotency_key(&request).inspect_err(|problem| refused(problem, 1))?;
    let PledgeBatch { pledges: rows } = read(&request, payload).await.inspect_err(|problem| refused(problem, 1))?;
    let visitor = Visitor::of(&request);
    let own = pledges.limited(&partners, (Some(&secret), Carrier::Script), visitor.source(), rows.len());
    let allowed = allow(&request, iter::once(own).chain(pledges.limited_by_campaign(campaign.id)));
    let published = allowed.and_then(|()| totals.published(&campaign.slug).ok_or(Code::Unavailable.into()));
    let published = published.inspect_err(|problem| refused(problem, rows.len()))?.raw.clone();
    let (pledges, campaign, admitted) = (&pledges, &campaign, &admitted);
    let results = join_all(rows.iter().enumerate().map(|(place, row)| {
        let key = key.as_ref().map(|key| key.of_row(place));
        async move {
            let submission: Submission = body::parse(row.get().as_bytes())?;
            // Whose it is was said once, by the secret key.
            if submission.site_key.is_some() {
                return Err(Problem::field("/site_key", FieldCode::NotAllowed));
            }
            let arrival = Arrival { submission: &submission, carrier: Carrier::Script, visitor };
            pledges.take(campaign, admitted, arrival, Vec::new(), key.as_ref()).await
        }
    }))
    .await;
    for result in &results {
        partners.note(admitted, result);
        if let Err(problem) = result {
            pledges.refused(problem.code);
        }
    }
    match results.iter().find(|result| matches!(result, Err(problem) if problem.code.status().is_server_error())) {
        Some(Err(problem)) if results.iter().all(Result::is_err) => Err(problem.clone()),
        _ => Ok(Json(BatchReceipt { results: results.iter().map(RowResult::from).collect(), totals: published })),
    }
}

async fn read(request: &HttpRequest, payload: Payload) -> Result<PledgeBatch, Problem> {
    if body::Media::of(request)? != body::Media::Json {
        return Err(Code::UnsupportedMediaType.into());
    }
    body::parse(&body::read(request, &mut payload.into_inner(), BODY_LIMIT).await?)
}
