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

/// Somebody who is signed in and has at least the role `R`. Must be a handler's first argument.
#[derive(Debug)]
pub struct Signed<R: AtLeast> {
    /// Who it is.
    pub who: Who,
    role: PhantomData<R>,
}

impl<R: AtLeast> FromRequest for Signed<R> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let recognised = request.extensions().get::<Recognised>().cloned();
        ready(match recognised {
            Some(Recognised::Known(who)) if who.role >= R::ROLE => Ok(Self { who, role: PhantomData }),
            Some(Recognised::Known(_)) => Err(Code::Forbidden.into()),
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
