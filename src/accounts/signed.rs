//! The proof of permission: a handler that takes [`Signed`] can't be reached without it.
//!
//! actix answers with the first extractor error that is *ready*, so this extractor must be synchronous and stand
//! first, or a malformed body would answer 400 to somebody who isn't signed in. The look-up of the session is not
//! synchronous; [`recognise`], around the whole app, does it beforehand. Without that middleware nobody gets in.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
};

use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest,
    body::MessageBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header,
    middleware::Next,
    web::Data,
};

use super::{Accounts, Role, Who};
use crate::http::{Code, Problem};

/// The least role that a handler asks for.
pub trait AtLeast: 'static {
    /// The role.
    const ROLE: Role;
}

/// Moderators and above.
#[derive(Debug)]
pub struct Moderator;

/// Organisers and admins.
#[derive(Debug)]
pub struct Organiser;

/// Admins only.
#[derive(Debug)]
pub struct Admin;

impl AtLeast for Moderator {
    const ROLE: Role = Role::Moderator;
}

impl AtLeast for Organiser {
    const ROLE: Role = Role::Organiser;
}

impl AtLeast for Admin {
    const ROLE: Role = Role::Admin;
}

/// What a handler asks for beside the role.
pub trait Asks: 'static {
    /// Whether the account must have all that it needs: in production admins need a second factor.
    const FINISHED: bool;
    /// Whether the session must have proved within [`super::FRESH_MINUTES`] who it is.
    const PROVED: bool;
}

/// What nearly all ask for: a finished account.
#[derive(Debug)]
pub struct Usual;

/// For what does lasting harm when somebody else sits at the keyboard: a fresh proof as well. Changing who may sign in and
/// how, seeing what is masked, and whatever else can't be undone. Where it depends on the body (a removal of many pledges),
/// the handler calls [`Signed::proved`]. `tests/api/authorization.rs` lists the operations.
#[derive(Debug)]
pub struct Proved;

/// For what somebody needs who has no second factor yet and must get one.
#[derive(Debug)]
pub struct Unfinished;

/// The same with a fresh proof.
#[derive(Debug)]
pub struct UnfinishedProved;

impl Asks for Usual {
    const FINISHED: bool = true;
    const PROVED: bool = false;
}

impl Asks for Proved {
    const FINISHED: bool = true;
    const PROVED: bool = true;
}

impl Asks for Unfinished {
    const FINISHED: bool = false;
    const PROVED: bool = false;
}

impl Asks for UnfinishedProved {
    const FINISHED: bool = false;
    const PROVED: bool = true;
}

/// Somebody who is signed in and has at least the role `R` somewhere (in which campaign `campaigns::visible` looks), and what `A` asks for. Must be a handler's first argument.
#[derive(Debug)]
pub struct Signed<R: AtLeast, A: Asks = Usual> {
    /// Who it is.
    pub who: Who,
    asked: PhantomData<(R, A)>,
}

impl<R: AtLeast, A: Asks> Signed<R, A> {
    /// For what is dangerous only with some bodies.
    ///
    /// # Errors
    /// [`Code::StepUpRequired`] when the session hasn't proved lately who it is.
    pub fn proved(&self) -> Result<(), Problem> {
        if self.who.proved { Ok(()) } else { Err(Code::StepUpRequired.into()) }
    }
}

impl<R: AtLeast, A: Asks> FromRequest for Signed<R, A> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let recognised = request.extensions().get::<Recognised>().cloned();
        ready(match recognised {
            // In which campaign is known later: whoever finds it looks again, see `campaigns::visible`.
            Some(Recognised::Known(who)) if who.highest_role() < R::ROLE => Err(Code::Forbidden.into()),
            Some(Recognised::Known(who)) if A::FINISHED && who.unfinished => Err(Code::TotpSetupRequired.into()),
            Some(Recognised::Known(who)) if A::PROVED && !who.proved => Err(Code::StepUpRequired.into()),
            Some(Recognised::Known(who)) => Ok(Self { who: Who { asked: R::ROLE, ..who }, asked: PhantomData }),
            Some(Recognised::Unavailable) => Err(Code::Unavailable.into()),
            Some(Recognised::Nobody) | None => Err(Code::Unauthorized.into()),
        })
    }
}

#[derive(Clone)]
enum Recognised {
    Known(Who),
    Nobody,
    Unavailable,
}

/// Where operations that take [`Signed`] stand. Elsewhere a token is not even read: public reads ask no database.
const NEED_A_TOKEN: [&str; 3] = ["/v1/auth/", "/v1/moderation/", "/v1/admin/"];

/// The middleware: looks up who is behind an access token. Requests without one cost nothing.
///
/// # Errors
/// Those of the request, which actix answers.
pub async fn recognise<B: MessageBody>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let asks = NEED_A_TOKEN.iter().any(|start| request.path().starts_with(start));
    let token = if asks { bearer(&request) } else { None };
    if let (Some(token), Some(accounts)) = (token, request.app_data::<Data<Accounts>>()) {
        // In a box of its own: requests without a token, which are nearly all, needn't hold room for it.
        let recognised = match Box::pin(accounts.recognise(&token)).await {
            Ok(Some(who)) => Recognised::Known(who),
            Ok(None) => Recognised::Nobody,
            Err(_) => Recognised::Unavailable,
        };
        request.extensions_mut().insert(recognised);
    }
    next.call(request).await
}

/// The token of the one Authorization header; none when there are two.
fn bearer(request: &ServiceRequest) -> Option<String> {
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let (value, second) = (values.next()?, values.next());
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    (second.is_none() && scheme.eq_ignore_ascii_case("bearer")).then(|| token.trim().to_owned())
}
