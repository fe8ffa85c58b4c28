//! The ceiling of the reads: a server that answers with bytes it had from the start, behind the middlewares, with the
//! workers and the log of the service.

use std::{net::SocketAddr, time::Duration};

use actix_web::{
    App, HttpRequest, HttpResponse,
    http::{StatusCode, header},
    middleware::from_fn,
    web::{self, Bytes, Data},
};
use clap::{Args, Parser};
use pledges::{
    accounts::signed,
    config::Settings,
    http::{
        TrustedProxies,
        connections::Connections,
        headers::{self, HeaderPolicy},
        request, server,
    },
    ops::logging,
    tasks::stop_signal,
};

/// As many as the service takes.
const MAX_CONNECTIONS: usize = 25_000;

/// Answer with static bytes at the address of the totals; 304 to whoever sends If-None-Match.
#[derive(Args, Clone, Debug)]
pub struct StaticServer {
    /// Address and port to listen on.
    #[arg(long, default_value = "127.0.0.1:8081")]
    bind: SocketAddr,

    /// Bytes of the body.
    #[arg(long)]
    bytes: usize,

    /// A header of the answer, as `name: value` (may be given several times).
    #[arg(long)]
    header: Vec<String>,
}

/// The settings of the service's log, from defaults and environment.
#[derive(Parser)]
struct Logged {
    #[command(flatten)]
    settings: Settings,
}

/// What is answered.
#[derive(Clone)]
struct Answer {
    body: Bytes,
    headers: Vec<(String, String)>,
}

impl StaticServer {
    /// Serves until it is told to stop. Needs the runtime that the service has.
    ///
    /// # Errors
    /// When the address can't be listened on.
    pub async fn run(&self) -> anyhow::Result<()> {
        logging::begin(&Logged::parse_from(["load"]).settings)?;
        let parted = self.header.iter().filter_map(|header| header.split_once(": "));
        let headers = parted.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let answer = Answer { body: Bytes::from(vec![b'p'; self.bytes]), headers };
        let limits = server::Limits {
            max_connections: MAX_CONNECTIONS,
            workers: None,
            shutdown_seconds: 1,
            head: Duration::from_secs(5),
            idle: Duration::from_secs(30),
            unread: Duration::from_secs(30),
        };
        let policy = HeaderPolicy { https: false, public_reads: &["/v1/campaigns"] };
        let proxies = TrustedProxies::new(&[]);
        let connections = Connections::new(u32::MAX, proxies.clone());
        let app = move || {
            App::new()
                .route("/v1/campaigns/{slug}/totals", web::get().to(totals))
                .app_data(Data::new(answer.clone()))
                .app_data(Data::new(proxies.clone()))
                .app_data(Data::new(policy.clone()))
                .wrap(from_fn(signed::recognise))
                .wrap(from_fn(request::watch))
                .wrap(from_fn(headers::secure))
        };
        let server = server::listen(app, server::bind(self.bind)?, limits, connections)?;
        let handle = server.handle();
        tokio::select! {
            ended = server => ended?,
            told = stop_signal() => told?,
        }
        handle.stop(true).await;
        Ok(())
    }
}

async fn totals(request: HttpRequest, answer: Data<Answer>) -> HttpResponse {
    let known = request.headers().contains_key(header::IF_NONE_MATCH);
    let mut response = HttpResponse::build(if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    for (name, value) in &answer.headers {
        // What tells of the body goes with it.
        if !(known && name.starts_with("content-")) {
            response.insert_header((name.as_str(), value.as_str()));
        }
    }
    if known { response.finish() } else { response.body(answer.body.clone()) }
}
