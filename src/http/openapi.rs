//! The head of the OpenAPI document, the pieces that operations share, and which methods a path has.

use actix_web::http::Method;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        HttpMethod, OpenApi as Document, PathItem,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

/// Name of the scheme for access tokens.
pub const BEARER: &str = "access_token";

/// Name of the scheme for the refresh cookie.
pub const REFRESH_COOKIE: &str = "refresh_cookie";

/// The document without its paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Pledges",
        version = "1",
        description = "Pledges for campaigns: recorded once a mailbox, counted by country, live for everybody, and \
            cleaned of spam by moderators.\n\nErrors are `application/problem+json` (RFC 9457) with a stable `code`; \
            the catalogue is at `/docs/problems`. Lists take `limit` and `cursor`. Times are RFC 3339 in UTC. \
            Unknown fields are refused.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/", description = "This service")),
    tags(
        (name = "Campaigns", description = "What is pledged for. Public."),
        (name = "Pledges", description = "Recording a pledge. Public."),
        (name = "Totals", description = "The published totals. Public; may be read from every site."),
        (name = "Sign-in", description = "Access tokens for moderators."),
        (name = "Moderation", description = "Finding and removing pledges, and undoing it. Each operation needs an access token."),
        (name = "Operation", description = "For those who run the service."),
    ),
    components(schemas(super::ProblemBody, super::FieldProblem)),
    modifiers(&Schemes),
)]
pub struct Head;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("An access token from `/v1/auth/login`; lasts ten minutes."))
            .build();
        components.add_security_scheme(BEARER, SecurityScheme::Http(bearer));
        let cookie = ApiKeyValue::with_description(
            "__Host-pledges_refresh",
            "The refresh token, set by `/v1/auth/login` and read by `/v1/auth/refresh` only.",
        );
        components.add_security_scheme(REFRESH_COOKIE, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

/// Every operation of a path, by method.
pub fn operations(item: &PathItem) -> Vec<(HttpMethod, &utoipa::openapi::path::Operation)> {
    [
        (HttpMethod::Get, &item.get),
        (HttpMethod::Post, &item.post),
        (HttpMethod::Put, &item.put),
        (HttpMethod::Patch, &item.patch),
        (HttpMethod::Delete, &item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.as_ref().map(|operation| (method, operation)))
    .collect()
}

/// Which methods each documented path has, to tell 405 from 404.
#[derive(Clone, Debug, Default)]
pub struct Methods(Vec<(Vec<String>, Vec<Method>)>);

impl Methods {
    /// Reads them off the document.
    pub fn of(document: &Document) -> Self {
        let methods = |item: &PathItem| -> Vec<Method> {
            operations(item)
                .into_iter()
                .flat_map(|(method, _)| match method {
                    HttpMethod::Get => vec![Method::GET, Method::HEAD],
                    HttpMethod::Post => vec![Method::POST],
                    HttpMethod::Put => vec![Method::PUT],
                    HttpMethod::Patch => vec![Method::PATCH],
                    _ => vec![Method::DELETE],
                })
                .collect()
        };
        Self(document.paths.paths.iter().map(|(path, item)| (segments(path), methods(item))).collect())
    }

    /// The methods of `path`, when it is a documented one.
    pub fn at(&self, path: &str) -> Option<&[Method]> {
        let wanted = segments(path);
        let fits = |template: &[String]| {
            template.len() == wanted.len()
                && template.iter().zip(&wanted).all(|(part, asked)| part.starts_with('{') || part == asked)
        };
        // A literal path wins over a template that also fits.
        let found = self.0.iter().filter(|(template, _)| fits(template));
        found
            .min_by_key(|(template, _)| template.iter().filter(|part| part.starts_with('{')).count())
            .map(|(_, methods)| methods.as_slice())
    }
}

fn segments(path: &str) -> Vec<String> {
    path.split('/').map(str::to_owned).collect()
}
