//! The connections to the mail server. One that has sent a mail is kept for the next; one on which anything went wrong, or that
//! was left in the middle of a mail, is closed: else an answer that comes late would be taken for that of the next mail.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use lettre::{
    Address,
    transport::smtp::{
        Error,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Rcpt, Rset},
        extension::ClientId,
    },
};
use secrecy::ExposeSecret;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};

use super::{Failure, SendError};
use crate::config::mail::{Relay, RelayTls};

/// A connection that lay idle for longer is not used again: servers close them.
const IDLE: Duration = Duration::from_secs(15);

/// Mails of one connection at the most: many servers allow a hundred.
const MAILS: u32 = 100;

/// How long saying good-bye may take.
const GOOD_BYE: Duration = Duration::from_secs(1);

/// Status codes from 500 on that are not about the mail: the server wants TLS or another log-in. The settings can be mended.
const ABOUT_THE_LOGIN: [u16; 4] = [530, 534, 535, 538];

/// A way to one mail server.
pub(super) struct Smtp {
    relay: Relay,
    tls: Option<TlsParameters>,
    hello: ClientId,
    timeout: Duration,
    idle: Mutex<Vec<Open>>,
}

struct Open {
    connection: AsyncSmtpConnection,
    mails: u32,
    used: Instant,
}

impl Smtp {
    /// Greets with `host` unless the relay's settings have another name. Each mail has `timeout`.
    pub(super) fn new(relay: &Relay, host: &str, timeout: Duration) -> Result<Self, SendError> {
        let tls = match relay.tls {
            RelayTls::None => None,
            _ => Some(TlsParameters::new(relay.host.clone()).map_err(|_| SendError::Unreachable(Failure::Tls))?),
        };
        let hello = ClientId::Domain(relay.hello.clone().unwrap_or_else(|| host.to_owned()));
        Ok(Self { relay: relay.clone(), tls, hello, timeout, idle: Mutex::default() })
    }

    /// Sends one mail. With Ok the server has accepted it.
    pub(super) async fn send(&self, from: &Address, to: Address, message: &[u8]) -> Result<(), SendError> {
        // Dropped in the middle, the connection is closed.
        match timeout(self.timeout, self.transaction(from, to, message)).await {
            Ok(sent) => sent,
            Err(_) => Err(SendError::Temporary(Failure::Timeout)),
        }
    }

    async fn transaction(&self, from: &Address, to: Address, message: &[u8]) -> Result<(), SendError> {
        let begun = match self.kept() {
            // It may be closed by now; of the mail nothing was told yet.
            Some(open) => timeout(self.timeout / 4, begin(open, from)).await.unwrap_or(Err(Failure::Timeout)).ok(),
            None => None,
        };
        let mut open = if let Some(open) = begun {
            open
        } else {
            let fresh = async { begin(self.connect().await?, from).await };
            let fresh = timeout(self.timeout / 2, fresh).await.unwrap_or(Err(Failure::Timeout));
            fresh.map_err(SendError::Unreachable)?
        };
        match deliver(&mut open.connection, to, message).await {
            Ok(()) => {
                open.mails += 1;
                self.keep(open);
                Ok(())
            }
            Err(error) => {
                let failed = judged(&error);
                let answered = matches!(failed, SendError::Temporary(Failure::Status(_)) | SendError::Permanent(_));
                // The next mail begins afresh on it.
                if answered && open.connection.command(Rset).await.is_ok() {
                    self.keep(open);
                }
                Err(failed)
            }
        }
    }

    async fn connect(&self) -> Result<Open, Failure> {
        let server = (self.relay.host.as_str(), self.relay.port);
        let wrapped = self.tls.clone().filter(|_| self.relay.tls == RelayTls::Wrapped);
        let connected = if wrapped.is_some() {
            AsyncSmtpConnection::connect_tokio1(server, None, &self.hello, wrapped, None).await
        } else {
            let stream = TcpStream::connect(server).await.map_err(|_| Failure::Connection)?;
            // Small pieces at once. What lettre wraps into TLS at the start it opens by itself.
            stream.set_nodelay(true).map_err(|_| Failure::Connection)?;
            AsyncSmtpConnection::connect_with_transport(Box::new(stream), &self.hello).await
        };
        let mut connection = connected.map_err(|error| failure(&error))?;
        let start_tls = match self.relay.tls {
            RelayTls::Required => true,
            RelayTls::Opportunistic => connection.can_starttls(),
            RelayTls::None | RelayTls::Wrapped => false,
        };
        if let Some(tls) = self.tls.clone().filter(|_| start_tls) {
            connection.starttls(tls, &self.hello).await.map_err(|error| failure(&error))?;
        }
        if let Some((user, password)) = &self.relay.login {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            connection.auth(DEFAULT_MECHANISMS, &credentials).await.map_err(|error| failure(&error))?;
        }
        Ok(Open { connection, mails: 0, used: Instant::now() })
    }

    fn kept(&self) -> Option<Open> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|open| open.used.elapsed() < IDLE);
        idle.pop()
    }

    fn keep(&self, open: Open) {
        if open.mails < MAILS && !open.connection.has_broken() {
            let open = Open { used: Instant::now(), ..open };
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(open);
        }
    }

    /// Says good-bye on connections that lie idle.
    pub(super) async fn close(&self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        let quit = idle.into_iter().map(|mut open| async move {
            // It is closed in any case.
            let _ = timeout(GOOD_BYE, open.connection.quit()).await;
        });
        join_all(quit).await;
    }
}

/// Begins a mail. A sender that is refused is a matter of the settings, not of the mail.
async fn begin(mut open: Open, from: &Address) -> Result<Open, Failure> {
    let mail = Mail::new(Some(from.clone()), Vec::new());
    open.connection.command(mail).await.map_err(|error| failure(&error))?;
    Ok(open)
}

async fn deliver(connection: &mut AsyncSmtpConnection, to: Address, message: &[u8]) -> Result<(), Error> {
    connection.command(Rcpt::new(to, Vec::new())).await?;
    connection.command(Data).await?;
    connection.command(Body(message)).await?;
    Ok(())
}

/// The message as it goes over the line, with its end. In one piece: lettre writes the end by itself, and the two pieces wait
/// 40 milliseconds for each other (Nagle's algorithm and delayed acknowledgements).
struct Body<'a>(&'a [u8]);

impl fmt::Display for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It is ASCII. A dot that begins a line is doubled (RFC 5321 section 4.5.2).
        for line in String::from_utf8_lossy(self.0).split_inclusive("\r\n") {
            if line.starts_with('.') {
                f.write_str(".")?;
            }
            f.write_str(line)?;
        }
        f.write_str(if self.0.ends_with(b"\r\n") { ".\r\n" } else { "\r\n.\r\n" })
    }
}

/// What a failure in the middle of a mail means.
fn judged(error: &Error) -> SendError {
    match failure(error) {
        Failure::Status(code) if code >= 500 && !ABOUT_THE_LOGIN.contains(&code) => {
            SendError::Permanent(Failure::Status(code))
        }
        other => SendError::Temporary(other),
    }
}

/// The class of an error. Its text stays behind: it can repeat the address.
fn failure(error: &Error) -> Failure {
    match error.status() {
        Some(code) => Failure::Status(code.into()),
        None if error.is_timeout() => Failure::Timeout,
        None if error.is_tls() => Failure::Tls,
        None if error.is_client() => Failure::Handshake,
        // Not reached, broken off, or not SMTP.
        None => Failure::Connection,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_ends_no_message_but_its_end() {
        for (message, sent) in [
            ("a\r\n.\r\n..b\r\n", "a\r\n..\r\n...b\r\n.\r\n"),
            (".", "..\r\n.\r\n"),
            ("a.\r\nb", "a.\r\nb\r\n.\r\n"),
            ("", "\r\n.\r\n"),
        ] {
            assert_eq!(Body(message.as_bytes()).to_string(), sent);
        }
    }
}
