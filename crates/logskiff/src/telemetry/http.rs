//! HTTP for those who watch: `/metrics`, `/livez`, `/readyz`, `/ledger`.
//!
//! Enters: requests, what the shipper puts on its status, the counters. Leaves: answers. It never holds up the shipper,
//! never takes a request's body, and never shows content: files are named as the redactor shows them.

mod ledger_json;
mod openmetrics;
mod places;
mod status_channel;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use self::openmetrics::Format;
use self::places::{Places, Standing};
pub use self::status_channel::{FileReport, FileState, Held, InputState, MaskKind, NotRead, Snapshot, StatusChannel};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::process_stats::System;

/// A request's head is not larger …
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// … and comes within this.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// A connection that serves probe after probe is closed after so long: none is held for ever.
const CONNECTION_MAX: Duration = Duration::from_secs(300);
/// An address that cannot be had is asked for again after so long.
const BIND_AGAIN: Duration = Duration::from_secs(5);
/// A shipper that has not begun a round for so long hangs.
const HANGS_AFTER: Duration = Duration::from_secs(30);

/// What is needed to answer.
#[derive(Debug)]
pub struct Admin {
    /// Where the shipper says how it stands.
    pub status: Arc<StatusChannel>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What the machine says of the process.
    pub system: System,
    /// The outputs in use that have to be reached once before it is ready: `kafka`, `syslog`; and `stdout`.
    pub outputs: Vec<&'static str>,
}

impl Admin {
    /// Answers at `address` until it is dropped. An address that cannot be had is told and asked for again: lines are
    /// shipped all the same. Cancellation safe.
    pub async fn serve(self: Arc<Self>, address: SocketAddr) {
        let listener = bind(address).await;
        let mut places = Places::default();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    places.make_way().await;
                    let admin = Arc::clone(&self);
                    places.take(|standing| async move {
                        _ = timeout(CONNECTION_MAX, admin.converse(stream, standing)).await;
                    });
                    // What a client sent with its connection is seen before the next one is taken.
                    yield_now().await;
                }
                // Out of descriptors, most likely: it passes, or the shipper says so.
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn converse(self: Arc<Self>, stream: TcpStream, standing: Standing) {
        let service = service_fn(move |request: Request<Incoming>| {
            let (admin, standing) = (Arc::clone(&self), standing.clone());
            async move {
                standing.asks();
                let response = admin.answer(&request).await;
                standing.is_answered();
                Ok::<_, Infallible>(response)
            }
        });
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(HEAD_BYTES_MAX);
        // A client that breaks off or speaks no HTTP is its own trouble.
        _ = server.serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        if !matches!(path, "/metrics" | "/livez" | "/readyz" | "/ledger") {
            return response(StatusCode::NOT_FOUND, TEXT, "there are /metrics, /livez, /readyz and /ledger\n".into());
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut refused = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n".into());
            refused.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        match path {
            "/metrics" => {
                let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
                self.metrics(Format::accepted(accept.unwrap_or_default())).await
            }
            "/ledger" => self.ledger().await,
            "/livez" => verdict(self.lives().await),
            _ => verdict(self.is_ready()),
        }
    }

    async fn metrics(&self, format: Format) -> Response<Full<Bytes>> {
        let (_, snapshot) = self.status.request().await;
        let scrape = openmetrics::Scrape {
            snapshot,
            metrics: Arc::clone(&self.metrics),
            usage: self.system.read(),
            outputs: self.outputs.clone(),
        };
        response(StatusCode::OK, format.content_type(), scrape.text(format))
    }

    async fn ledger(&self) -> Response<Full<Bytes>> {
        let (_, snapshot) = self.status.request().await;
        let text = ledger_json::json(&snapshot, &self.metrics, &self.outputs, self.status.uptime());
        response(StatusCode::OK, "application/json", text)
    }

    /// The shipper turns, if it answers or has lately begun a round: one may take its time on a slow disk.
    async fn lives(&self) -> Result<(), String> {
        let (answered, _) = self.status.request().await;
        let ago = self.status.heartbeat_age();
        if answered || ago < HANGS_AFTER {
            return Ok(());
        }
        Err(format!("the shipper has not turned for {} s", ago.as_secs()))
    }

    /// Ready once every receiver was reached; an outage after that is no reason to take the application's pod out.
    fn is_ready(&self) -> Result<(), String> {
        let reached = |name: &str| match name {
            "kafka" => self.metrics.kafka.reached.get(),
            "syslog" => self.metrics.syslog.reached.get(),
            _ => true,
        };
        let missing: Vec<&str> = self.outputs.iter().copied().filter(|name| !reached(name)).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("not reached yet: {}", missing.join(", "))) }
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

async fn bind(address: SocketAddr) -> TcpListener {
    let mut said = false;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => {
                let address = listener.local_addr().unwrap_or(address);
                tracing::info!(%address, "answering HTTP");
                return listener;
            }
            Err(error) if !said => {
                said = true;
                tracing::error!(%address, %error, "LOGSKIFF_HTTP_LISTEN cannot be had, so nobody can ask for metrics and health; trying again, and shipping meanwhile");
            }
            Err(_) => {}
        }
        sleep(BIND_AGAIN).await;
    }
}

fn verdict(verdict: Result<(), String>) -> Response<Full<Bytes>> {
    match verdict {
        Ok(()) => response(StatusCode::OK, TEXT, "ok\n".into()),
        Err(why) => response(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{why}\n")),
    }
}

fn response(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, hyper::header::HeaderValue::from_static("no-store"));
    response
}
