//! A collector: OTLP over gRPC on a loopback port, that keeps what it is sent, and every byte of it.
#![expect(clippy::disallowed_methods, reason = "a receiver of telemetry, and no service of ours")]

use http_body_util::BodyExt;
use opentelemetry_proto::tonic::{
    collector::{
        metrics::v1::{
            ExportMetricsServiceRequest, ExportMetricsServiceResponse,
            metrics_service_server::{MetricsService, MetricsServiceServer},
        },
        trace::v1::{
            ExportTraceServiceRequest, ExportTraceServiceResponse,
            trace_service_server::{TraceService, TraceServiceServer},
        },
    },
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::{Metric, metric::Data, number_data_point::Value as Number},
    trace::v1::Span,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
};
use tonic::{
    Request, Response, Status,
    body::Body,
    codegen::{Context, Poll, Service, http},
    server::NamedService,
    transport::{Identity, Server, ServerTlsConfig, server::TcpIncoming},
};

#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    traces: Vec<ExportTraceServiceRequest>,
    metrics: Vec<ExportMetricsServiceRequest>,
}

#[derive(Clone, Default)]
struct Keeping(Arc<Mutex<Kept>>);

/// A running collector. It has a runtime of its own, so that its connections end with it.
pub struct Collector {
    pub address: SocketAddr,
    keeping: Keeping,
    runtime: Option<Runtime>,
}

impl Collector {
    pub async fn start() -> Self {
        Self::behind(Server::builder()).await
    }

    /// With a certificate for `localhost`.
    pub async fn with_tls(certificate: String, key: String) -> Self {
        let tls = ServerTlsConfig::new().identity(Identity::from_pem(certificate, key));
        Self::behind(Server::builder().tls_config(tls).unwrap()).await
    }

    async fn behind(mut server: Server) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.spawn(TcpListener::bind("127.0.0.1:0")).await.unwrap().unwrap();
        let (address, keeping) = (listener.local_addr().unwrap(), Keeping::default());
        let traces = Bytes { service: TraceServiceServer::new(keeping.clone()), keeping: keeping.clone() };
        let metrics = Bytes { service: MetricsServiceServer::new(keeping.clone()), keeping: keeping.clone() };
        let router = server.add_service(traces).add_service(metrics);
        runtime.spawn(async move {
            router.serve_with_incoming(TcpIncoming::from(listener)).await.unwrap();
        });
        Self { address, keeping, runtime: Some(runtime) }
    }

    /// Headers and bodies as they came in.
    pub fn bytes(&self) -> Vec<u8> {
        self.keeping.0.lock().unwrap().bytes.clone()
    }

    pub fn spans(&self) -> Vec<Span> {
        let kept = self.keeping.0.lock().unwrap();
        let scopes = kept.traces.iter().flat_map(|sent| &sent.resource_spans).flat_map(|one| &one.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// Every instrument as it was sent last.
    pub fn metrics(&self) -> BTreeMap<String, Metric> {
        let kept = self.keeping.0.lock().unwrap();
        let scopes = kept.metrics.iter().flat_map(|sent| &sent.resource_metrics).flat_map(|one| &one.scope_metrics);
        scopes.flat_map(|scope| &scope.metrics).map(|metric| (metric.name.clone(), metric.clone())).collect()
    }

    /// The key of every attribute of anything.
    pub fn keys(&self) -> BTreeSet<String> {
        let kept = self.keeping.0.lock().unwrap();
        let mut attributes = Vec::new();
        for sent in kept.traces.iter().flat_map(|sent| &sent.resource_spans) {
            attributes.extend(sent.resource.iter().flat_map(|resource| &resource.attributes));
            for scope in &sent.scope_spans {
                attributes.extend(scope.scope.iter().flat_map(|scope| &scope.attributes));
                attributes.extend(scope.spans.iter().flat_map(|span| &span.attributes));
            }
        }
        for sent in kept.metrics.iter().flat_map(|sent| &sent.resource_metrics) {
            attributes.extend(sent.resource.iter().flat_map(|resource| &resource.attributes));
            for scope in &sent.scope_metrics {
                attributes.extend(scope.scope.iter().flat_map(|scope| &scope.attributes));
                attributes.extend(scope.metrics.iter().flat_map(points).flat_map(|(attributes, _)| attributes));
            }
        }
        attributes.into_iter().map(|one| one.key.clone()).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

/// The attributes and the number of each point: a sum, a value, or how many were measured.
pub fn points(metric: &Metric) -> Vec<(&[KeyValue], u64)> {
    let number = |value: Option<Number>| match value {
        Some(Number::AsInt(value)) => value.try_into().unwrap(),
        other => panic!("{other:?}"),
    };
    match metric.data.as_ref().unwrap() {
        Data::Sum(sum) => sum.data_points.iter().map(|one| (&one.attributes[..], number(one.value))).collect(),
        Data::Gauge(gauge) => gauge.data_points.iter().map(|one| (&one.attributes[..], number(one.value))).collect(),
        Data::Histogram(histogram) => {
            histogram.data_points.iter().map(|one| (&one.attributes[..], one.count)).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// The text of an attribute, or nothing.
pub fn text<'a>(attributes: &'a [KeyValue], key: &str) -> &'a str {
    let value = attributes.iter().find(|one| one.key == key).and_then(|one| one.value.as_ref()?.value.as_ref());
    match value {
        Some(Value::StringValue(text)) => text,
        _ => "",
    }
}

#[tonic::async_trait]
impl TraceService for Keeping {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().traces.push(request.into_inner());
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Keeping {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.0.lock().unwrap().metrics.push(request.into_inner());
        Ok(Response::new(Default::default()))
    }
}

/// Keeps headers and bytes on their way to a service.
#[derive(Clone)]
struct Bytes<S> {
    service: S,
    keeping: Keeping,
}

impl<S: NamedService> NamedService for Bytes<S> {
    const NAME: &'static str = S::NAME;
}

impl<S: Service<http::Request<Body>>> Service<http::Request<Body>> for Bytes<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> S::Future {
        let keeping = self.keeping.clone();
        keeping.0.lock().unwrap().bytes.extend(format!("{:?}", request.headers()).into_bytes());
        self.service.call(request.map(|body| {
            Body::new(body.map_frame(move |frame| {
                keeping.0.lock().unwrap().bytes.extend(frame.data_ref().into_iter().flatten());
                frame
            }))
        }))
    }
}
