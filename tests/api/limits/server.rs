//! Hard limits of the server, over raw connections: what is slow, large or ambiguous is ended.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::support::TestApp;

const QUICK: &[&str] = &["--head-seconds", "1", "--body-seconds", "1", "--idle-seconds", "2"];

/// Sends this, and reads until the server ends the connection: what it said, and how long it took.
async fn sent(address: SocketAddr, request: &str) -> (String, Duration) {
    let (mut stream, start) = (TcpStream::connect(address).await.unwrap(), Instant::now());
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let read = timeout(Duration::from_secs(8), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the connection is not closed: {}", String::from_utf8_lossy(&answer));
    (String::from_utf8_lossy(&answer).into_owned(), start.elapsed())
}

fn with(headers: &str) -> String {
    format!("POST /v1/campaigns/defend/pledges HTTP/1.1\r\ncontent-type: application/json\r\n{headers}\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_read_in_two_ways_is_refused_and_the_connection_closed() {
    let app = TestApp::start().await;
    let behind = "GET /v1/campaigns HTTP/1.1\r\nhost: x\r\n\r\n";
    for headers in [
        "host: x\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n",
        "host: x\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n",
        "host: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n",
        "host: x\r\ncontent-length: 2\r\ncontent-length: 2\r\n",
        "host: x\r\ncontent-length: +2\r\n",
        "host: x\r\ntransfer-encoding: gzip, chunked\r\n",
        "content-length: 0\r\n",
        "host: x\r\nhost: y\r\ncontent-length: 0\r\n",
        "host: x\r\nhost: x\r\ncontent-length: 0\r\n",
    ] {
        let (answer, _) = sent(app.service.address, &format!("{}{behind}", with(headers))).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{headers:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{headers:?}: what follows is not answered: {answer}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_bounded_in_number_and_size() {
    let app = TestApp::start().await;
    let request = |count: usize, size: usize| {
        let header = |number| format!("x-{number}: {}\r\n", "x".repeat(size));
        let headers = (0..count - 2).fold(String::new(), |all, number| all + &header(number));
        format!("GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n")
    };
    for (count, size, status) in [(96, 1, "200"), (97, 1, "431"), (90, 3_000, "431")] {
        let (answer, _) = sent(app.service.address, &request(count, size)).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{count} × {size}: {answer}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_slow_or_idle_is_cut_off() {
    let app = TestApp::with(QUICK).await;
    let (head, took) = sent(app.service.address, "GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ").await;
    assert!(head.is_empty() || head.starts_with("HTTP/1.1 408 "), "{head}");
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(4), "{took:?}");
    let (body, took) = sent(app.service.address, &format!("{}{{", with("host: x\r\ncontent-length: 100\r\n"))).await;
    assert!(body.starts_with("HTTP/1.1 408 "), "{body}");
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(6), "{took:?}");
    let (idle, took) = sent(app.service.address, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    // The server's clock for this ticks twice a second.
    assert!(idle.starts_with("HTTP/1.1 200 "), "{idle}");
    assert!(took >= Duration::from_millis(1_400) && took < Duration::from_secs(6), "{took:?}");
    let (nothing, _) = sent(app.service.address, "").await;
    assert_eq!(nothing.matches("200").count(), 0, "{nothing}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_holds_so_many_connections_and_a_proxy_more() {
    let app = TestApp::with(&["--connections-per-source", "3"]).await;
    let hold = async || {
        let mut stream = TcpStream::connect(app.service.address).await.unwrap();
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let mut start = [0; 12];
        let read = timeout(Duration::from_secs(5), stream.read_exact(&mut start)).await.unwrap();
        read.is_ok().then_some(stream)
    };
    let three = (hold().await.unwrap(), hold().await.unwrap(), hold().await.unwrap());
    assert!(hold().await.is_none(), "the fourth is refused");
    drop(three);
    crate::support::eventually("there is room again", async || hold().await.is_some()).await;
    app.stop().await;
    let app = TestApp::with(&["--connections-per-source", "1", "--trusted-proxies", "127.0.0.0/8"]).await;
    let open = async || {
        let mut stream = TcpStream::connect(app.service.address).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).await.unwrap();
        stream
    };
    let _held = (open().await, open().await, open().await);
    app.stop().await;
}
