//! Settings of the gate: how much may come from whom.

use clap::Args;

use super::Mode;

/// As good as no limit: in development everybody is one source, this machine.
const ANY: u32 = 1_000_000;

/// How much may come from one source (an IPv4 address or an IPv6 /64), partner or campaign.
#[derive(Args, Clone, Debug)]
pub struct GateSettings {
    /// Pledges of scripts that one source may send in a minute. A university or a whole country may stand behind one
    /// address: whoever is slowed is told when to come back, and whose proof of work is dearer pays for it. Default: 120 in production, as good as none in development.
    #[arg(long, env = "PLEDGES_PLEDGES_PER_MINUTE", value_parser = clap::value_parser!(u32).range(1..))]
    pub pledges_per_minute: Option<u32>,

    /// How many of them at once. Default: 60 in production, as good as none in development.
    #[arg(long, env = "PLEDGES_PLEDGES_AT_ONCE", value_parser = clap::value_parser!(u32).range(1..))]
    pub pledges_at_once: Option<u32>,

    /// Pledges of plain forms, which bring no proof of work, that one source may send in a minute. Default: 30 in production, as good as none in development.
    #[arg(long, env = "PLEDGES_FORMS_PER_MINUTE", value_parser = clap::value_parser!(u32).range(1..))]
    pub forms_per_minute: Option<u32>,

    /// How many of them at once. Default: 20 in production, as good as none in development.
    #[arg(long, env = "PLEDGES_FORMS_AT_ONCE", value_parser = clap::value_parser!(u32).range(1..))]
    pub forms_at_once: Option<u32>,

    /// Codes that one source may try, and links that it may ask for, in a minute. Default: 30 in production, as good as none in development.
    #[arg(long, env = "PLEDGES_CODES_PER_MINUTE", value_parser = clap::value_parser!(u32).range(1..))]
    pub codes_per_minute: Option<u32>,

    /// Entries of public walls that one source may report in a minute. Default: 10 in production, as good as none in development.
    #[arg(long, env = "PLEDGES_REPORTS_PER_MINUTE", value_parser = clap::value_parser!(u32).range(1..))]
    pub reports_per_minute: Option<u32>,

    /// Looks at its status that a partner may take in a minute. Default: 30 in production, as good as none in development.
    #[arg(long, env = "PLEDGES_STATUS_PER_MINUTE", value_parser = clap::value_parser!(u32).range(1..))]
    pub status_per_minute: Option<u32>,

    /// Pledges that one campaign takes in a minute, whoever sends them. Who floods it then keeps others out: set it only
    /// to protect what lies behind. Default: no limit.
    #[arg(long, env = "PLEDGES_CAMPAIGN_PER_MINUTE", value_parser = clap::value_parser!(u32).range(1..))]
    pub campaign_per_minute: Option<u32>,

    /// Failed log-ins of an account, and of a source, before further ones have to wait, longer with each, up to five minutes. A
    /// source that has signed in to the account before waits for its own only. Default: 10 in production, as good as none in
    /// development.
    #[arg(long, env = "PLEDGES_WRONG_LOGINS", value_parser = clap::value_parser!(u32).range(1..))]
    pub wrong_logins: Option<u32>,

    /// Connections that one source may hold open. Trusted proxies may hold as many as there are. Keep it above the
    /// number of streams. Default: 1,000 in production, as good as none in development.
    #[arg(long, env = "PLEDGES_CONNECTIONS_PER_SOURCE", value_parser = clap::value_parser!(u32).range(1..))]
    pub connections_per_source: Option<u32>,

    /// Seconds that the head of a request may take to come.
    #[arg(long, env = "PLEDGES_HEAD_SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub head_seconds: u64,

    /// Seconds that the body of a request may take to come.
    #[arg(long, env = "PLEDGES_BODY_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub body_seconds: u64,

    /// Seconds that a connection is kept for the next request.
    #[arg(long, env = "PLEDGES_IDLE_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub idle_seconds: u64,

    /// Seconds that an answer may lie unread until its connection is ended (on Linux). A stream must be read at all times.
    #[arg(long, env = "PLEDGES_UNREAD_SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(5..=600))]
    pub unread_seconds: u64,
}

impl GateSettings {
    fn or(set: Option<u32>, mode: Mode, in_production: u32) -> u32 {
        set.unwrap_or(match mode {
            Mode::Development => ANY,
            Mode::Production => in_production,
        })
    }

    /// Pledges of scripts from one source: at once, and in a minute.
    pub fn pledges(&self, mode: Mode) -> (u32, u32) {
        (Self::or(self.pledges_at_once, mode, 60), Self::or(self.pledges_per_minute, mode, 120))
    }

    /// The same for plain forms.
    pub fn forms(&self, mode: Mode) -> (u32, u32) {
        (Self::or(self.forms_at_once, mode, 20), Self::or(self.forms_per_minute, mode, 30))
    }

    /// Codes that one source may try in a minute.
    pub fn codes(&self, mode: Mode) -> u32 {
        Self::or(self.codes_per_minute, mode, 30)
    }

    /// Entries of public walls that one source may report in a minute.
    pub fn reports(&self, mode: Mode) -> u32 {
        Self::or(self.reports_per_minute, mode, 10)
    }

    /// Looks at its status that a partner may take in a minute.
    pub fn status(&self, mode: Mode) -> u32 {
        Self::or(self.status_per_minute, mode, 30)
    }

    /// Failed log-ins that cost nothing.
    pub fn wrong_logins(&self, mode: Mode) -> u32 {
        Self::or(self.wrong_logins, mode, 10)
    }

    /// Connections of one source.
    pub fn connections(&self, mode: Mode) -> u32 {
        Self::or(self.connections_per_source, mode, 1_000)
    }
}
