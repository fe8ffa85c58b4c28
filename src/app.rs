//! The composition root: database → handles → tasks → server, and the same in reverse at the end. The one place that
//! knows every feature; `main` and the tests build the service here.

mod operations;
mod parts;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use actix_web::{
    App,
    body::MessageBody,
    dev::{ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::from_fn,
    web::{self as actix, Data},
};
use secrecy::SecretString;
use utoipa_actix_web::AppExt;

pub use operations::{document, document_text};
pub use parts::{epochs, mailer};

use operations::api;
use parts::{opened, pace};

use crate::{
    accounts::{Accounts, signed},
    campaigns::Campaigns,
    clock::Clock,
    config::{ConfigError, ServeSettings, Settings},
    crypto::CryptoError,
    db::{Database, DbError},
    gate::{self, form_token::FormTokens},
    http::{
        PublicOrigin, TrustedProxies, body,
        connections::Connections,
        headers::{self, HeaderPolicy},
        openapi::Methods,
        request, server,
    },
    logged,
    mail::{self, Mailer, Outbox, SendError, worker::Worker},
    metrics::Metrics,
    moderation::{
        Moderation, clusters::alerts::Alerts, corrections::Corrections, removals, rules::searches::apply::Applier,
        search::filler::Filler, wall::public::Wall,
    },
    ops::figures::Figures,
    partners::Partners,
    pledges::{
        self, FormPages, Pledges, by_partner::ByPartner, challenge::Challenges, confirm::Confirmations, ingest::Ingest,
        letters::Letters, links::Links, roots, rules::Rules, sealing::Sealing, waves::Watch,
    },
    privacy::{self, Privacy, export::Exports},
    sealing::{Epochs, development::DevelopmentIdentityError},
    tasks::Tasks,
    totals::{Totals, history::History, places::Limits, stream::Streams},
    web::{self, Pages},
};

/// What scripts of every site may read.
const PUBLIC_READS: &[&str] =
    &["/v1/campaigns", "/assets", "/embed.js", "/pledge.js", "/wall.js", "/embed/texts", "/embed/world.json"];

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A self-test of the cryptography.
    #[error("a self-test failed: {0}")]
    Crypto(#[from] CryptoError),
    /// The identity of development.
    #[error(transparent)]
    DevelopmentIdentity(#[from] DevelopmentIdentityError),
    /// A campaign's root secret isn't listed.
    #[error(transparent)]
    Roots(#[from] roots::RootsError),
    /// The keys of source tags.
    #[error(transparent)]
    SourceTags(#[from] gate::source_tags::SourceTagError),
    /// The way to the mail server.
    #[error(transparent)]
    Mail(#[from] SendError),
    /// The OpenAPI document.
    #[error("the OpenAPI document can't be written")]
    Document,
    /// The address can't be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// Every handle of the service.
#[derive(Clone)]
pub struct Handles {
    /// The pool.
    pub database: Database,
    clock: Clock,
    /// The published totals.
    pub totals: Totals,
    /// Those who follow them.
    pub streams: Streams,
    /// Campaigns.
    pub campaigns: Campaigns,
    /// Partners.
    pub partners: Partners,
    /// The way of pledges into the database.
    pub ingest: Ingest,
    /// The way of confirmations.
    pub confirmations: Confirmations,
    /// Blocks and allows.
    pub rules: Rules,
    /// Keys of records.
    pub epochs: Epochs,
    /// Pledges.
    pub pledges: Pledges,
    challenges: Challenges,
    /// Mails that are to be sent.
    pub outbox: Outbox,
    mailer: Mailer,
    figures: Figures,
    metrics: Metrics,
    gate: gate::limits::Limits,
    source_tags: gate::source_tags::SourceTags,
    history: History,
    accounts: Accounts,
    /// Moderators at work.
    pub moderation: Moderation,
    corrections: Corrections,
    wall: Wall,
    by_partner: ByPartner,
    exports: Exports,
    privacy: Privacy,
    pages: Pages,
    methods: Methods,
    proxies: TrustedProxies,
    body_deadline: body::Deadline,
    policy: HeaderPolicy,
    origin: PublicOrigin,
}

impl Handles {
    async fn assemble(
        settings: &Settings,
        serve: &ServeSettings,
        origin: String,
        url: &SecretString,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let ring = settings.key_ring()?;
        let database = opened(settings, url, &ring).await?;
        let totals = Totals::new(database.clone(), pace(settings, serve), clock.clone());
        let limits = Limits { per_source: serve.streams_per_source, in_all: serve.max_streams };
        let streams = Streams::new(totals.clone(), limits, Duration::from_millis(serve.heartbeat_every_ms))?;
        let (campaigns, partners) = parts::copies(&database, settings.mode, &origin).await?;
        totals.catch_up().await?;
        let (history, metrics) = (History::new(totals.clone()), Metrics::default());
        let (gate, accounts) = parts::people(settings, serve, &database, &ring, &clock, &origin, &metrics)?;
        let ingest = Ingest::new(database.clone(), totals.clone(), &metrics, pledges::ingest::NAMES);
        let confirmations = Confirmations::new(database.clone(), totals.clone(), &metrics, pledges::confirm::NAMES);
        let (sealing, outbox) = (Sealing::new(ring.clone()), Outbox::new(&ring, &metrics));
        let mailer = mailer(settings, serve, &origin, clock.clone())?;
        let epochs = epochs(settings, database.clone(), clock.clone())?;
        let (proofs, challenges) = parts::proofs(&ring, &clock, &metrics)?;
        let forms = FormTokens::new(&ring, clock.clone());
        let source_tags = parts::source_tags(&database, &ring, &clock).await?;
        let rules = parts::rules(&database, &ring).await?;
        let parts = pledges::Parts {
            ingest: ingest.clone(),
            confirmations: confirmations.clone(),
            sealing: sealing.clone(),
            epochs: epochs.clone(),
            outbox: outbox.clone(),
            totals: totals.clone(),
            campaigns: campaigns.clone(),
            database: database.clone(),
            ring: ring.clone(),
            proofs,
            forms: forms.clone(),
            clock: clock.clone(),
            limits: gate.clone(),
            source_tags: source_tags.clone(),
            rules: rules.clone(),
        };
        let pledges = Pledges::new(parts, &metrics)?;
        let (base, ingested, readers) = (database.clone(), ingest.clone(), serve.metrics_readers(settings.mode));
        let figures = Figures::new(&metrics, &readers, base, ingested, totals.clone(), streams.clone());
        let moderation = Moderation::new(database.clone(), sealing.clone(), totals.clone(), &ring);
        let privacy = Privacy::new(database.clone(), sealing, totals.clone(), &ring);
        let policy = HeaderPolicy { https: origin.starts_with("https:"), public_reads: PUBLIC_READS };
        let origin = PublicOrigin(origin);
        let pages = Pages::new(origin.clone(), settings.mode, totals.clone(), forms, document_text()?);
        let (methods, proxies) = (Methods::of(document()), TrustedProxies::new(&serve.trusted_proxies));
        Ok(Self {
            corrections: Corrections::new(database.clone(), totals.clone()),
            wall: Wall::new(database.clone(), campaigns.clone()),
            by_partner: ByPartner::new(database.clone(), campaigns.clone()),
            exports: Exports::new(database.clone()),
            database,
            clock,
            totals,
            streams,
            campaigns,
            partners,
            ingest,
            confirmations,
            rules,
            epochs,
            pledges,
            challenges,
            outbox,
            mailer,
            figures,
            metrics,
            gate,
            source_tags,
            history,
            accounts,
            moderation,
            privacy,
            pages,
            methods,
            proxies,
            body_deadline: body::Deadline(Duration::from_secs(serve.gate.body_seconds)),
            policy,
            origin,
        })
    }

    fn app(
        &self,
    ) -> App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<impl MessageBody + use<>>,
            Error = actix_web::Error,
            InitError = (),
        > + use<>,
    > {
        let form_pages: Arc<dyn FormPages> = Arc::new(self.pages.clone());
        App::new()
            .into_utoipa_app()
            .configure(api)
            .into_app()
            .configure(web::routes::routes)
            .default_service(actix::to(web::routes::anything_else))
            .app_data(Data::new(self.database.clone()))
            .app_data(Data::new(self.clock.clone()))
            .app_data(Data::new(self.totals.clone()))
            .app_data(Data::new(self.history.clone()))
            .app_data(Data::new(self.streams.clone()))
            .app_data(Data::new(self.campaigns.clone()))
            .app_data(Data::new(self.partners.clone()))
            .app_data(Data::new(self.rules.clone()))
            .app_data(Data::new(self.pledges.clone()))
            .app_data(Data::new(self.challenges.clone()))
            .app_data(Data::new(self.figures.clone()))
            .app_data(Data::new(self.gate.clone()))
            .app_data(Data::new(self.accounts.clone()))
            .app_data(Data::new(self.moderation.clone()))
            .app_data(Data::new(self.corrections.clone()))
            .app_data(Data::new(self.wall.clone()))
            .app_data(Data::new(self.by_partner.clone()))
            .app_data(Data::new(self.exports.clone()))
            .app_data(Data::new(self.privacy.clone()))
            .app_data(Data::new(self.pages.clone()))
            .app_data(Data::new(self.methods.clone()))
            .app_data(Data::new(self.proxies.clone()))
            .app_data(self.body_deadline)
            .app_data(Data::new(self.policy.clone()))
            .app_data(Data::new(self.origin.clone()))
            .app_data(Data::from(form_pages))
            // The last one stands outermost.
            .wrap(from_fn(signed::recognise))
            .wrap(from_fn(request::watch))
            .wrap(from_fn(headers::secure))
    }
}

/// A service that is running.
pub struct Service {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its handles.
    pub handles: Handles,
    tasks: Tasks,
    server: ServerHandle,
    patience: Duration,
}

impl Service {
    /// Assembles the service on the database at `url` and lets it listen. Must be called on the main, multi-threaded
    /// runtime: connections and tasks live there.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(
        settings: &Settings,
        serve: &ServeSettings,
        url: &SecretString,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let failed = |source| StartError::Listen { address: serve.bind, source };
        let socket = server::bind(serve.bind).map_err(failed)?;
        let address = server::address(&socket).map_err(failed)?;
        let origin = ServeSettings { bind: address, ..serve.clone() }.public_origin(settings.mode)?;
        let handles = Box::pin(Handles::assemble(settings, serve, origin, url, clock)).await?;
        let tasks = Tasks::default();
        tasks.start("publisher", handles.totals.clone().run(tasks.stop_token()));
        tasks.start("listener", handles.totals.clone().listen(tasks.stop_token()));
        tasks.start("ingest", handles.ingest.clone().run(tasks.stop_token()));
        tasks.start("confirmations", handles.confirmations.clone().run(tasks.stop_token()));
        tasks.start("epochs", handles.epochs.clone().run(tasks.stop_token()));
        tasks.start("campaigns", handles.campaigns.clone().run(tasks.stop_token()));
        if !gate::UNGATED {
            let watch = Watch::new(handles.database.clone(), handles.campaigns.clone(), handles.totals.clone());
            tasks.start("waves", watch.run(serve.waves_every(settings.mode), tasks.stop_token()));
        }
        let alerts = Alerts::new(handles.database.clone(), handles.outbox.clone());
        tasks.start("alerts", alerts.run(tasks.stop_token()));
        let filler = Filler::new(&handles.database, handles.moderation.turns(), &handles.metrics);
        tasks.start("search", filler.run(tasks.stop_token()));
        let remover = removals::worker::Worker::new(&handles.moderation, handles.ingest.clone());
        let applier = Applier::new(&handles.moderation, handles.rules.clone());
        tasks.start("rules that search", applier.run(tasks.stop_token()));
        tasks.start("removals", remover.run(tasks.stop_token()));
        tasks.start("spent proofs", pledges::spent::repeat(handles.database.clone(), tasks.stop_token()));
        tasks.start("held pledges", handles.pledges.clone().watch_held(tasks.stop_token()));
        tasks.start("partners", handles.partners.clone().run(tasks.stop_token()));
        tasks.start("rules", handles.rules.clone().run(tasks.stop_token()));
        tasks.start("source tags", handles.source_tags.clone().run(tasks.stop_token()));
        let every = Duration::from_secs(serve.retention_every_seconds);
        let months = settings.audit_months;
        let retention = privacy::retention::job::repeat(handles.database.clone(), every, months, tasks.stop_token());
        tasks.start("retention", retention);
        // Apart from those of pledges and pages.
        let database = Database::new(url, mail::DATABASE_CONNECTIONS)?;
        let campaigns = handles.campaigns.clone();
        let letters =
            Letters::new(database.clone(), campaigns, Links::new(settings.key_ring()?), handles.origin.clone());
        let (outbox, mailer) = (handles.outbox.clone(), handles.mailer.clone());
        let mails = Worker::new(database, outbox, mailer, letters, &serve.mail);
        tasks.start("mail", mails.run(tasks.stop_token()));
        let connections = Connections::new(serve.gate.connections(settings.mode), handles.proxies.clone());
        let for_workers = handles.clone();
        let server = server::listen(move || for_workers.app(), socket, serve.into(), connections).map_err(failed)?;
        let handle = server.handle();
        let stopping = tasks.stop_token();
        tasks.start("server", async move {
            let ended = server.await;
            // At a stop the server ends a moment before the tasks are told to.
            let told = tokio::time::timeout(Duration::from_secs(1), stopping.cancelled()).await.is_ok();
            if let (false, Err(error)) = (told, ended) {
                tracing::error!(error = %logged::cause(error.kind()), "the server ended");
            }
        });
        let patience = Duration::from_secs(serve.shutdown_seconds);
        Ok(Self { address, handles, tasks, server: handle, patience })
    }

    /// Completes when the service can't go on: a task of it has ended.
    pub async fn broken(&self) {
        self.tasks.broken().await;
    }

    /// Stops in order: streams end, no new connections, requests under way are finished, then the tasks, then the pool.
    pub async fn stop(self) {
        // They would never finish by themselves.
        self.handles.streams.end();
        self.server.stop(true).await;
        if !self.tasks.stop(self.patience).await {
            tracing::warn!("some tasks did not stop in time");
        }
        self.handles.database.close();
    }
}
