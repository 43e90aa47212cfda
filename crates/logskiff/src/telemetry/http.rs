//! The HTTP server: `/metrics`, `/livez`, `/readyz`, `/ledger`.
//!
//! Input: requests, the shipper's snapshots, the counters. Output: answers. It never delays the shipper, never reads a
//! request's body, and never shows content; file names are redacted.

mod connection_slots;
mod ledger_json;
mod openmetrics;
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

use self::connection_slots::{ConnectionSlots, Progress};
use self::openmetrics::Format;
pub use self::status_channel::{
    FileReport, FileState, Held, InputState, MaskKind, MaskState, NotRead, Snapshot, StatusChannel,
};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::process_stats::System;

/// Maximum size of a request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Timeout for a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum age of a connection, so that none stays open forever.
const CONNECTION_MAX: Duration = Duration::from_secs(300);
/// Pause before another attempt to bind the address.
const BIND_RETRY: Duration = Duration::from_secs(5);
/// A shipper without a heartbeat for this long hangs.
const HANGS_AFTER: Duration = Duration::from_secs(30);

/// The server's data sources.
#[derive(Debug)]
pub struct Admin {
    /// The channel to the shipper.
    pub status: Arc<StatusChannel>,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// The process's figures from `/proc` and the control group.
    pub system: System,
}

impl Admin {
    /// Serves at `address` until it is dropped. If the address cannot be bound, it logs an error and retries; lines are
    /// shipped meanwhile. Cancellation safe.
    pub async fn serve(self: Arc<Self>, address: SocketAddr) {
        let listener = bind(address).await;
        let mut slots = ConnectionSlots::default();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    slots.wait_for_slot().await;
                    let admin = Arc::clone(&self);
                    slots.spawn(|progress| async move {
                        _ = timeout(CONNECTION_MAX, admin.serve_connection(stream, progress)).await;
                    });
                    // A request that came with the connection is read before the next connection is accepted.
                    yield_now().await;
                }
                // Probably out of descriptors, which the shipper logs.
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn serve_connection(self: Arc<Self>, stream: TcpStream, progress: Progress) {
        let service = service_fn(move |request: Request<Incoming>| {
            let (admin, progress) = (Arc::clone(&self), progress.clone());
            async move {
                progress.request_received();
                let response = admin.answer(&request).await;
                progress.request_answered();
                Ok::<_, Infallible>(response)
            }
        });
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_BYTES_MAX);
        // Errors of a client that disconnects or does not speak HTTP are ignored.
        _ = server.serve_connection(TokioIo::new(stream), service).await;
    }

    async fn answer<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        if !matches!(path, "/metrics" | "/livez" | "/readyz" | "/ledger") {
            return response(
                StatusCode::NOT_FOUND,
                TEXT,
                "not found; use /metrics, /livez, /readyz or /ledger\n".into(),
            );
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut refused = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, "use GET or HEAD\n".into());
            refused.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        match path {
            "/metrics" => {
                let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
                self.metrics(Format::from_accept(accept.unwrap_or_default())).await
            }
            "/ledger" => self.ledger().await,
            "/livez" => probe_response(self.check_alive().await),
            _ => probe_response(self.check_ready()),
        }
    }

    async fn metrics(&self, format: Format) -> Response<Full<Bytes>> {
        let (_, snapshot) = self.status.request().await;
        let scrape = openmetrics::Scrape { snapshot, metrics: Arc::clone(&self.metrics), usage: self.system.read() };
        response(StatusCode::OK, format.content_type(), scrape.render(format))
    }

    async fn ledger(&self) -> Response<Full<Bytes>> {
        if let Err(mistakes) = self.check_configuration() {
            return probe_response(Err(mistakes));
        }
        let (_, snapshot) = self.status.request().await;
        let text = ledger_json::render(&snapshot, &self.metrics, self.status.uptime());
        response(StatusCode::OK, "application/json", text)
    }

    /// Alive if the shipper answers, or its last heartbeat is recent: one iteration may take long on a slow disk.
    async fn check_alive(&self) -> Result<(), String> {
        if self.check_configuration().is_err() {
            // A restart would correct nothing.
            return Ok(());
        }
        let (answered, _) = self.status.request().await;
        let age = self.status.heartbeat_age();
        if answered || age < HANGS_AFTER {
            return Ok(());
        }
        Err(format!("no heartbeat of the shipper for {} s", age.as_secs()))
    }

    /// Ready once every receiver was reached. A later outage must not make the application's pod unready.
    fn check_ready(&self) -> Result<(), String> {
        self.check_configuration()?;
        let outputs = self.metrics.outputs.iter().filter(|output| !output.reached.get());
        let missing: Vec<&str> = outputs.map(|output| output.name).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("not reached yet: {}", missing.join(", "))) }
    }

    /// With mistakes there is no shipper.
    fn check_configuration(&self) -> Result<(), String> {
        match self.metrics.configuration_mistakes.get() {
            0 => Ok(()),
            mistakes => Err(format!("configuration mistakes: {mistakes}; they are in the log")),
        }
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

async fn bind(address: SocketAddr) -> TcpListener {
    let mut logged = false;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => {
                let address = listener.local_addr().unwrap_or(address);
                tracing::info!(%address, "answering HTTP");
                return listener;
            }
            Err(error) if !logged => {
                logged = true;
                tracing::error!(%address, %error, "cannot bind LOGSKIFF_HTTP_LISTEN; metrics and health are not available, lines are shipped meanwhile; retrying");
            }
            Err(_) => {}
        }
        sleep(BIND_RETRY).await;
    }
}

fn probe_response(outcome: Result<(), String>) -> Response<Full<Bytes>> {
    match outcome {
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
