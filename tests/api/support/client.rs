//! A client of the service. Every answer it receives must fit the document.

use reqwest::{
    Method, RequestBuilder, StatusCode,
    header::{CONTENT_TYPE, HeaderMap},
};
use serde_json::{Value, json};

use super::{document, events::Events, rows::PASSWORD};

/// Somebody who talks to the service.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    pub base: String,
    /// The access token.
    pub token: Option<String>,
    /// The refresh token, as the browser would keep it.
    pub refresh: Option<String>,
}

/// An answer, read whole; of a stream, up to the end of the first event.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Fails unless the status is this; returns the body.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// Fails unless it is a problem with this status and code.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["code"], code, "{problem}");
        problem
    }

    /// Fails unless exactly these fields are wrong: pairs of pointer and code.
    #[track_caller]
    pub fn fields(&self, expected: &[(&str, &str)]) {
        let problem = self.problem(422, "invalid_fields");
        let pair =
            |field: &Value| (field["pointer"].as_str().unwrap().to_owned(), field["code"].as_str().unwrap().to_owned());
        let found: Vec<_> = problem["errors"].as_array().unwrap().iter().map(pair).collect();
        let expected: Vec<_> = expected.iter().map(|(at, code)| ((*at).to_owned(), (*code).to_owned())).collect();
        assert_eq!(found, expected);
    }
}

impl Client {
    pub fn new(base: &str) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { http, base: base.to_owned(), token: None, refresh: None }
    }

    /// A request with this client's token, to be given more before it is sent.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends it; the answer must fit the document.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let (method, path) = (request.method().to_string(), request.url().path().to_owned());
        let response = self.http.execute(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        if Events::are_in(&response) && method == "GET" {
            let first = Events::of(response).next().await.unwrap();
            return Answer { status, headers, body: first.text.into_bytes() };
        }
        let body = response.bytes().await.unwrap().to_vec();
        let kind = headers.get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap());
        if method != "HEAD" && method != "OPTIONS" && headers.get("content-encoding").is_none() {
            document::check(&method, &path, status.as_u16(), kind, &body);
        }
        Answer { status, headers, body }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Opens the stream of totals of a campaign, with these headers.
    pub async fn follow(&self, slug: &str, headers: &[(&str, &str)]) -> Events {
        let request = self.request(Method::GET, &format!("/v1/campaigns/{slug}/totals/stream"));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        Events::of(response)
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// A pledge for the campaign `defend`.
    pub async fn pledge(&self, body: &Value) -> Answer {
        self.post("/v1/campaigns/defend/pledges", body).await
    }

    /// A plain form for the campaign `defend`, as a browser sends it.
    pub async fn pledge_form(&self, fields: &[(&str, &str)]) -> Answer {
        let request = self.request(Method::POST, "/v1/campaigns/defend/pledges").header("accept", "text/html");
        self.send(request.form(fields)).await
    }

    /// Signs in with the password of the tests.
    pub async fn login(&mut self, login: &str) {
        let answer = self.post("/v1/auth/login", &json!({"login": login, "password": PASSWORD})).await;
        self.keep(&answer);
    }

    /// Exchanges the refresh token.
    pub async fn refresh(&self) -> Answer {
        let cookie = format!("__Host-pledges_refresh={}", self.refresh.as_deref().unwrap_or(""));
        self.send(self.request(Method::POST, "/v1/auth/refresh").header("cookie", cookie)).await
    }

    /// Keeps the tokens of an answer.
    pub fn keep(&mut self, answer: &Answer) {
        self.token = Some(answer.expect(200)["access_token"].as_str().unwrap().to_owned());
        let cookie = answer.header("set-cookie");
        let value = cookie.strip_prefix("__Host-pledges_refresh=").unwrap().split(';').next().unwrap();
        self.refresh = Some(value.to_owned());
    }
}

/// A pledge that the campaign `defend` takes.
pub fn pledge(email: &str) -> Value {
    json!({"name": "Amina Okafor", "email": email, "country": "DE"})
}
