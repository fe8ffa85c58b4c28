//! The head of the OpenAPI document, the pieces that operations share, and which methods a path has.

use std::fmt::{self, Write as _};

use actix_web::http::Method;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        ContentBuilder, HttpMethod, OpenApi as Document, PathItem, Ref, RefOr, Required, ResponseBuilder, Schema,
        path::{Operation, ParameterIn},
        schema::AdditionalProperties,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

/// Name of the scheme for access tokens.
pub const BEARER: &str = "access_token";

/// Name of the scheme for the keys of partners' servers.
pub const SECRET_KEY: &str = "secret_key";

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
            Unknown fields are refused. Answers have an `X-Request-Id`, by which the operator finds them in the log.",
        license(name = "MIT", identifier = "MIT"),
    ),
    servers((url = "/", description = "This service")),
    tags(
        (name = "Campaigns", description = "What is pledged for. Public."),
        (name = "Pledges", description = "Recording a pledge. Public."),
        (name = "Partners", description = "For the servers of partners, with a secret key."),
        (name = "Totals", description = "The published totals. Public; may be read from every site."),
        (name = "Sign-in", description = "Access tokens for moderators."),
        (name = "Own account", description = "Second factor, password and sessions of whoever is signed in. Each operation needs an access token."),
        (name = "Accounts", description = "Who may sign in. For admins; each operation needs an access token."),
        (name = "Moderation", description = "Finding and removing pledges, and undoing it. Each operation needs an access token."),
        (name = "Organising", description = "The list of supporters, sealed. Each operation needs an access token."),
        (name = "Privacy", description = "What organisers do for a person who asks: erase, and tell what is held. Each operation needs an access token."),
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
        let secret = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The secret key of a partner's server, `sk_…`. Never put it into a page."))
            .build();
        components.add_security_scheme(SECRET_KEY, SecurityScheme::Http(secret));
        let cookie = ApiKeyValue::with_description(
            "__Host-pledges_refresh",
            "The refresh token, set by `/v1/auth/login` and read by `/v1/auth/refresh` only.",
        );
        components.add_security_scheme(REFRESH_COOKIE, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}

/// Adds what a whole class of operations has in common, so that no operation can forget it: what any body, query, access
/// token or write may be answered with.
pub fn finish(document: &mut Document) {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in [
            (HttpMethod::Get, &mut item.get),
            (HttpMethod::Post, &mut item.post),
            (HttpMethod::Put, &mut item.put),
            (HttpMethod::Patch, &mut item.patch),
            (HttpMethod::Delete, &mut item.delete),
        ] {
            if let Some(operation) = operation {
                add_common_answers(operation, path.contains("{slug}"), method == HttpMethod::Get);
            }
        }
    }
    // These two are parsed by hand, field by field, and refuse unknown names like every other body.
    let schemas = document.components.get_or_insert_default();
    if let Some(RefOr::T(Schema::Object(schema))) = schemas.schemas.get_mut("NewPledge") {
        schema.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    }
}

fn add_common_answers(operation: &mut Operation, of_a_campaign: bool, reads: bool) {
    let mut has_query = false;
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        has_query |= parameter.parameter_in == ParameterIn::Query;
        if parameter.parameter_in == ParameterIn::Header {
            parameter.required = Required::False;
        }
    }
    let needs_token = serde_json::to_value(&operation.security).is_ok_and(|needs| needs.to_string().contains(BEARER));
    let mut add = |status: &str, description: &str| {
        let problem = ResponseBuilder::new()
            .description(description)
            .content(
                "application/problem+json",
                ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build(),
            )
            .build();
        operation.responses.responses.entry(status.to_owned()).or_insert(RefOr::T(problem));
    };
    if needs_token {
        add("401", "Not signed in");
        add("403", "Not allowed, or something must be done first: see the code");
    }
    if needs_token && of_a_campaign {
        add("404", "No such campaign, or not yours");
    }
    if needs_token || !reads {
        add("503", "Not available at the moment; nothing was stored, or it is safe to send again");
    }
    if has_query {
        add("422", "The query is not right");
    }
    if operation.request_body.is_some() {
        add("400", "The body can't be read");
        add("408", "The body came too slowly");
        add("413", "The body is too large");
        add("415", "A kind of body that is not taken here");
        add("422", "Some fields are not right");
    }
}

/// The document as YAML that readers of YAML 1.1 understand too: for them a bare `NO` (Norway) or `off` is a boolean.
///
/// # Errors
/// When it can't be written.
pub fn yaml(document: &Document) -> Result<String, fmt::Error> {
    const BOOLEANS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "true", "false"];
    let text = document.to_yaml().map_err(|_| fmt::Error)?;
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        match line.split_once("- ") {
            Some((indent, word))
                if indent.trim().is_empty() && BOOLEANS.contains(&word.to_ascii_lowercase().as_str()) =>
            {
                writeln!(out, "{indent}- '{word}'")?;
            }
            _ => writeln!(out, "{line}")?,
        }
    }
    Ok(out)
}

/// Every operation of a path, by method.
pub fn operations(item: &PathItem) -> Vec<(HttpMethod, &Operation)> {
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
