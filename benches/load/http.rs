//! A client for HTTP/1.1 that costs next to nothing, because it shares the cores with the service it measures: one
//! connection that is kept, one request at a time, and of the answer only what the driver needs.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// How long an answer may take before the connection is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What one read takes at the least.
const READ_BYTES: usize = 4096;

/// The head of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// Seconds after which to try again.
    pub retry_after_s: Option<u32>,
    /// Bytes of the body; None when the answer doesn't say.
    pub length: Option<usize>,
    /// The server ends the connection after this answer.
    pub closes: bool,
    /// Bytes of the head itself.
    pub size: usize,
}

impl Head {
    /// Reads a head; None while it isn't there as a whole.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(bytes: &[u8]) -> io::Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let text = bytes.get(..end).and_then(|head| str::from_utf8(head).ok()).ok_or(io::ErrorKind::InvalidData)?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).and_then(|rest| rest.get(..3));
        let status = status.and_then(|digits| digits.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let mut head = Self { status, size: end + 4, ..Self::default() };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            head.take(name, value.trim());
        }
        // RFC 9112 section 6.3: these have no body.
        if matches!(status, 204 | 304) {
            head.length = Some(0);
        }
        Ok(Some(head))
    }

    fn take(&mut self, name: &str, value: &str) {
        if name.eq_ignore_ascii_case("content-length") {
            self.length = value.parse().ok();
        } else if name.eq_ignore_ascii_case("retry-after") {
            self.retry_after_s = value.parse().ok();
        } else if name.eq_ignore_ascii_case("connection") {
            self.closes = value.eq_ignore_ascii_case("close");
        }
    }
}

/// One connection to the service, opened when it is needed and again when the server has closed it.
pub struct Client {
    address: SocketAddr,
    source: Option<IpAddr>,
    stream: Option<TcpStream>,
    input: Vec<u8>,
}

impl Client {
    /// A client of the service at `address`.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, source: None, stream: None, input: Vec::with_capacity(READ_BYTES) }
    }

    /// Sends a request and reads the whole answer. A kept connection that turns out to be closed is opened again, once.
    ///
    /// # Errors
    /// When the connection fails, or the answer takes too long or is not understood.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Head> {
        let kept = self.stream.is_some();
        match self.try_once(request).await {
            Err(_) if kept && self.input.is_empty() => self.try_once(request).await,
            other => other,
        }
    }

    /// A header of the last answer.
    pub fn header(&self, head: &Head, name: &str) -> Option<String> {
        let text = str::from_utf8(self.input.get(..head.size)?).ok()?;
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.find_map(|(its, value)| its.eq_ignore_ascii_case(name).then(|| value.trim().to_owned()))
    }

    /// The body of the last answer.
    pub fn body(&self, head: &Head) -> &[u8] {
        self.input.get(head.size..).and_then(|rest| rest.get(..head.length?)).unwrap_or_default()
    }

    async fn try_once(&mut self, request: &[u8]) -> io::Result<Head> {
        self.input.clear();
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.address, self.source).await?,
        };
        let answered = async {
            stream.write_all(request).await?;
            read_answer(&mut stream, &mut self.input).await
        };
        let head = timeout(PATIENCE, answered).await??;
        if !head.closes {
            self.stream = Some(stream);
        }
        Ok(head)
    }
}

/// Opens a connection, from `source` when it is given.
///
/// # Errors
/// Those of the system.
pub async fn connect(address: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn read_answer(stream: &mut TcpStream, input: &mut Vec<u8>) -> io::Result<Head> {
    loop {
        input.reserve(READ_BYTES);
        if stream.read_buf(input).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some(head) = Head::read(input)? else { continue };
        let whole = head.size + head.length.ok_or(io::ErrorKind::InvalidData)?;
        while input.len() < whole {
            input.reserve(whole - input.len());
            if stream.read_buf(input).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        return Ok(head);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let text =
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 12\r\nretry-after: 3\r\nConnection: close\r\n\r\n{";
        for end in 0..text.len() - 1 {
            assert_eq!(Head::read(&text[..end]).unwrap(), None);
        }
        let head = Head { status: 503, retry_after_s: Some(3), length: Some(12), closes: true, size: text.len() - 1 };
        assert_eq!(Head::read(text).unwrap(), Some(head));
        assert_eq!(Head::read(b"HTTP/1.1 304 Not Modified\r\n\r\n").unwrap().unwrap().length, Some(0));
        assert!(Head::read(b"SSH-2.0-x\r\n\r\n").is_err());
    }
}
