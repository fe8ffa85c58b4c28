//! Errors as the caller sees them: `application/problem+json` (RFC 9457). One table says which code has which status;
//! `/docs/problems` is printed from it.

use std::fmt;

use actix_web::{
    HttpResponse, HttpResponseBuilder, ResponseError,
    http::{StatusCode, header},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{db::DbError, logged};

/// Where the catalogue of problems stands; a problem's `type` is this with `#code`.
pub const CATALOGUE: &str = "/docs/problems";

macro_rules! codes {
    ($($(#[doc = $detail:literal])+ $name:ident = $code:literal, $status:literal, $title:literal;)+) => {
        /// What went wrong, once for the whole service.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code { $($(#[doc = $detail])+ $name,)+ }

        impl Code {
            /// Every code, in the order of the catalogue.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The stable name on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The HTTP status that goes with it.
            pub fn status(self) -> StatusCode {
                let number = match self { $(Self::$name => $status,)+ };
                StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }

            /// A few words.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// What it means and what to do.
            pub fn detail(self) -> &'static str {
                match self { $(Self::$name => concat!($($detail,)+).trim_ascii(),)+ }
            }
        }
    };
}

codes! {
    /// The body is not JSON, or ends too early.
    MalformedJson = "malformed_json", 400, "The body is not JSON";
    /// The form in the body can't be read.
    MalformedForm = "malformed_form", 400, "The body is not a form";
    /// A header that this operation reads has a form it can't have.
    BadHeader = "bad_header", 400, "A header can't be read";
    /// The request doesn't follow HTTP.
    BadRequest = "bad_request", 400, "The request can't be read";
    /// Sign in at /v1/auth/login and send the access token as "Authorization: Bearer …". It lasts ten minutes.
    Unauthorized = "unauthorized", 401, "Not signed in";
    /// Login or password is wrong, or the account is closed.
    WrongLogin = "wrong_login", 401, "Login failed";
    /// Login and password are right, and this account also needs the code that its app shows, or one of its recovery codes. Send all three.
    TotpRequired = "totp_required", 401, "A code is needed too";
    /// The code is not one that the app shows now, or it was used before. Wait for the next one; each is taken once. Recovery codes too.
    WrongCode = "wrong_code", 401, "The code is not accepted";
    /// Your role doesn't allow this.
    Forbidden = "forbidden", 403, "Not allowed";
    /// An admin's account needs a second factor before it may do anything else: see POST /v1/auth/totp.
    TotpSetupRequired = "totp_setup_required", 403, "Set up the second factor first";
    /// This needs a check of who you are that is no older than ten minutes: POST /v1/auth/step-up with your password or a code, then send this again.
    StepUpRequired = "step_up_required", 403, "Prove again who you are";
    /// The password or the code is not right, or the code was used before.
    StepUpFailed = "step_up_failed", 403, "Not proved";
    /// The page that this came from may not post here. A partner's page sends its site key, from one of the origins that
    /// are registered for it; a secret key is for servers and never for pages.
    ForeignOrigin = "foreign_origin", 403, "Not from this site";
    /// The campaign has no partner with this key. It may have been replaced by a new one.
    UnknownKey = "unknown_key", 403, "No such key";
    /// The organiser of the campaign takes nothing from this partner any more.
    PartnerDisabled = "partner_disabled", 403, "The partner is disabled";
    /// The organiser of the campaign takes nothing from this partner for some hours. Retry-After says when that ends at the latest.
    PartnerPaused = "partner_paused", 503, "The partner is paused";
    /// There is no such invitation, or it has ended: a link is good once, for 72 hours, unless it is revoked. Ask for another one.
    NoInvitation = "no_invitation", 404, "The link is not good any more";
    /// There is nothing at this address.
    NotFound = "not_found", 404, "Not found";
    /// There is no campaign with this name that you may see.
    CampaignNotFound = "campaign_not_found", 404, "No such campaign";
    /// The campaign has none of these pledges.
    PledgesNotFound = "pledges_not_found", 404, "No such pledges";
    /// The address exists, but not for this method.
    MethodNotAllowed = "method_not_allowed", 405, "Method not allowed";
    /// There is an account with this login.
    LoginTaken = "login_taken", 409, "The login is taken";
    /// Nobody changes the role of, closes or resets the account that they are signed in with: so there is always an admin left. Ask another one.
    OwnAccount = "own_account", 409, "Not with your own account";
    /// The account has no second factor, or none was offered in the last half hour. Begin with POST /v1/auth/totp.
    NoSecondFactor = "no_second_factor", 409, "There is no second factor";
    /// The campaign has ended and takes no more pledges.
    CampaignClosed = "campaign_closed", 409, "The campaign is closed";
    /// The campaign's retention has ended: what would tell one person's pledge from another's is destroyed.
    RetentionEnded = "retention_ended", 409, "Nothing personal is kept any more";
    /// None of these pledges can be removed: they are removed already.
    NothingToRemove = "nothing_to_remove", 409, "Nothing to remove";
    /// More than 5 % and 100 pledges more or fewer fit the search than were expected. Look at the preview again.
    PreviewOutdated = "preview_outdated", 409, "The preview is out of date";
    /// Two previews are being counted already; a removal by a search counts too. Try again after Retry-After.
    PreviewsBusy = "previews_busy", 503, "Others are being counted";
    /// The search finds more than can be counted in 25 seconds. Narrow it, for instance by time (from, to), and take one part after the other.
    SearchTooLarge = "search_too_large", 422, "The search finds too much";
    /// This removal, or its undo, is under way. Wait until it is done; a removal can be cancelled, and undone then.
    RemovalUnderWay = "removal_under_way", 409, "It is under way";
    /// Only a removal that is under way or paused can be paused, resumed or cancelled.
    RemovalNotUnderWay = "removal_not_under_way", 409, "It is not under way";
    /// The campaign has 500 rules, and no more. Delete some that don't fit any more.
    TooManyRules = "too_many_rules", 409, "Too many rules";
    /// This removal was undone before.
    AlreadyUndone = "already_undone", 409, "Already undone";
    /// The campaign has no public wall, so nothing can be put onto it. The operator turns it on (pledges campaign set SLUG --wall true).
    WallOff = "wall_off", 409, "There is no wall";
    /// There is no key yet that the list could be sealed to. Add one (docs/organisers.md).
    NoRecipient = "no_recipient", 409, "Nobody could open it";
    /// The list of this campaign is being given out at this moment. Try again when that has ended.
    ExportUnderWay = "export_under_way", 409, "An export is under way";
    /// The mail server has taken no mail for more than ten minutes: who pledged now could not confirm. The operator finds out why (pledges mail status).
    NoMail = "no_mail", 409, "Mails don't leave";
    /// The body is larger than this operation takes (16 KiB; 64 KiB for a removal).
    PayloadTooLarge = "payload_too_large", 413, "The body is too large";
    /// Send application/json; pledges may also come as a form. Compressed bodies are not taken.
    UnsupportedMediaType = "unsupported_media_type", 415, "Unsupported kind of body";
    /// Some fields are not right; `errors` names each with a pointer and a code.
    InvalidFields = "invalid_fields", 422, "Some fields are not right";
    /// The address has query parameters that are not right; `errors` names each.
    InvalidQuery = "invalid_query", 422, "The query is not right";
    /// This idempotency key was used for another pledge. Use a new key for a new pledge.
    IdempotencyMismatch = "idempotency_mismatch", 422, "The key was used for another pledge";
    /// This proof of work was used for another pledge. Get a new challenge.
    ProofSpent = "proof_spent", 409, "The proof was used before";
    /// Address and code don't belong together, or the code is too old or was tried too often. The link in the mail may still be
    /// good; another mail brings another code.
    CodeNotAccepted = "code_not_accepted", 409, "The code is not accepted";
    /// The body came too slowly.
    RequestTimeout = "request_timeout", 408, "The request took too long";
    /// Too many at once. Wait as long as Retry-After says.
    TooManyRequests = "too_many_requests", 429, "Too many requests";
    /// You have removed and accepted as many pledges today (UTC) as your account may. Ask an admin to go on, or to raise the number.
    RemovalQuotaSpent = "removal_quota_spent", 429, "Too many removals today";
    /// You have seen as many names for the wall today (UTC) as an account may. Go on tomorrow, or let somebody else.
    WallQuotaSpent = "wall_quota_spent", 429, "Too many names today";
    /// A defect of the service. It has been logged; trying again rarely helps.
    Internal = "internal", 500, "Something went wrong";
    /// The service can't do this at the moment; nothing was lost that was acknowledged. Try again after Retry-After.
    Unavailable = "unavailable", 503, "Not available at the moment";
}

/// One field that is not right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// Where, as a JSON pointer into the body (RFC 6901), or the name of a query parameter.
    #[schema(example = "/email")]
    pub pointer: String,
    /// What is wrong; the catalogue lists the codes. The value itself is never repeated.
    #[schema(example = "invalid_email")]
    pub code: String,
}

impl FieldProblem {
    /// A problem with the field at `pointer`.
    pub fn new(pointer: impl Into<String>, code: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: code.into() }
    }
}

/// An error on its way to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What went wrong.
    pub code: Code,
    /// Which fields, for the codes that are about fields.
    pub errors: Vec<FieldProblem>,
    retry_after_seconds: Option<u32>,
}

/// The body of every error (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Where this kind of problem is explained.
    #[schema(format = "uri-reference", example = "/docs/problems#campaign_not_found")]
    r#type: String,
    /// A few words.
    #[schema(example = "No such campaign")]
    title: &'static str,
    /// The HTTP status once more.
    #[schema(example = 404)]
    status: u16,
    /// The stable name of the problem.
    #[schema(example = "campaign_not_found")]
    code: &'static str,
    /// What it means and what to do.
    detail: &'static str,
    /// Which fields are not right.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: Vec<FieldProblem>,
}

impl Problem {
    /// Some fields are not right.
    pub fn fields(errors: Vec<FieldProblem>) -> Self {
        Self::with_errors(Code::InvalidFields, errors)
    }

    /// A problem of this code with these fields.
    pub fn with_errors(code: Code, errors: Vec<FieldProblem>) -> Self {
        Self { errors, ..code.into() }
    }

    /// One field is not right.
    pub fn field(pointer: impl Into<String>, code: impl Into<String>) -> Self {
        Self::fields(vec![FieldProblem::new(pointer, code)])
    }

    /// Too many requests: try again after `wait`.
    pub fn retry_after(wait: std::time::Duration) -> Self {
        Self::from(Code::TooManyRequests).after(wait)
    }

    /// The same problem, to be tried again after `wait`.
    #[must_use]
    pub fn after(self, wait: std::time::Duration) -> Self {
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        Self { retry_after_seconds: Some(seconds), ..self }
    }

    /// Seconds to wait before it is tried again.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        self.retry_after_seconds
    }

    /// The body that the caller gets.
    pub fn body(&self) -> ProblemBody {
        ProblemBody {
            r#type: format!("{CATALOGUE}#{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            code: self.code.as_str(),
            detail: self.code.detail(),
            errors: self.errors.clone(),
        }
    }

    fn headers(&self, response: &mut HttpResponseBuilder) {
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        // The middleware adds them too, but not to what a panic is answered with.
        for (name, value) in super::headers::SECURITY {
            response.insert_header((name, value));
        }
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if self.code == Code::Unauthorized {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        let retry_after_seconds = match code {
            Code::Unavailable | Code::TooManyRequests => Some(1),
            Code::PreviewsBusy => Some(5),
            _ => None,
        };
        Self { code, errors: Vec::new(), retry_after_seconds }
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Unavailable | DbError::Conflict => Code::Unavailable.into(),
            DbError::NotFound => Code::NotFound.into(),
            DbError::Constraint(_) | DbError::Defect(_) => {
                tracing::error!(error = %logged::cause(error), "a request met a defect");
                Code::Internal.into()
            }
        }
    }
}

impl From<crate::crypto::CryptoError> for Problem {
    /// Fail closed: what can't be sealed or checked is refused, not stored (rule 7).
    fn from(error: crate::crypto::CryptoError) -> Self {
        if error == crate::crypto::CryptoError::Destroyed {
            return Code::RetentionEnded.into();
        }
        tracing::error!(error = %logged::cause(error), "a request was refused");
        Code::Unavailable.into()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.code.status());
        self.headers(&mut response);
        let body = serde_json::to_vec(&self.body()).unwrap_or_default();
        response.content_type("application/problem+json").body(body)
    }
}
