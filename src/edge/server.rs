//! The gRPC server: services, limits, health, TLS, graceful end.

use super::{
    access::AccessEdge, audit::AuditEdge, authenticate::Authenticate, broken_off::BreakingOff, health,
    intake::IntakeEdge,
};
use crate::{
    access::Access,
    access_log::{LogState, Reader},
    entropy::Entropy,
    identity::{Attempts, Verifier},
    intake::Intake,
    pb::{
        self, access_service_server::AccessServiceServer, audit_service_server::AuditServiceServer,
        intake_service_server::IntakeServiceServer,
    },
};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::watch};
use tonic::{
    service::interceptor::InterceptedService,
    transport::{Identity, Server, ServerTlsConfig, server::TcpIncoming},
};

/// What is served.
#[expect(missing_debug_implementations, reason = "holds keys")]
pub struct Services {
    /// Questions.
    pub(crate) access: Arc<Access>,
    /// Intake.
    pub(crate) intake: Arc<Intake>,
    /// Reading the access log.
    pub(crate) reader: Reader,
    /// Whether it can be written.
    pub(crate) state: watch::Receiver<LogState>,
    /// Tokens.
    pub(crate) verifier: Arc<Verifier>,
    /// Attempts of nobody known.
    pub(crate) attempts: Arc<Attempts>,
    /// Names of requests.
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// How it is served.
#[derive(Default)]
#[expect(missing_debug_implementations, reason = "holds a key")]
pub struct Exposure {
    /// TLS; none on loopback only.
    pub tls: Option<Tls>,
    /// Tell clients about the services.
    pub reflection: bool,
}

/// A server's certificate chain and key, PEM.
#[expect(missing_debug_implementations, reason = "holds a key")]
pub struct Tls {
    /// Chain.
    pub certificate: String,
    /// Key.
    pub key: String,
}

/// The server could not be started, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Of the transport.
    #[error("serving failed: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// Of reflection.
    #[error("reflection cannot be served: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// A question is small; a row may hold sixty texts of 10,000 characters.
const LARGEST_QUESTION: usize = 64 * 1024;
const LARGEST_ROW: usize = 1024 * 1024;

/// Serves on the listener until `shutdown`, and then lets what is under way end.
pub async fn serve(
    listener: TcpListener,
    services: Services,
    exposure: Exposure,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let Services { access, intake, reader, state, verifier, attempts, entropy } = services;
    let authenticate = Authenticate::new(verifier, attempts);
    let audit = AuditEdge {
        in_force: access.in_force.clone(),
        inspections: access.log.for_inspections(),
        refusals: access.log.clone(),
        clock: access.clock.clone(),
        zone: access.zone.clone(),
        entropy: entropy.clone(),
        reader,
    };
    let access = AccessServiceServer::new(AccessEdge { access, entropy: entropy.clone() });
    let intake = IntakeServiceServer::new(IntakeEdge { intake, entropy });
    let audit = AuditServiceServer::new(audit);
    let access = InterceptedService::new(access.max_decoding_message_size(LARGEST_QUESTION), authenticate.clone());
    let intake = InterceptedService::new(intake.max_decoding_message_size(LARGEST_ROW), authenticate.clone());
    let intake = BreakingOff(intake);
    let audit = InterceptedService::new(audit.max_decoding_message_size(LARGEST_QUESTION), authenticate);

    let (reporter, health_service) = tonic_health::server::health_reporter();
    let following = tokio::spawn(health::follow(reporter, state));
    let reflection = exposure.reflection.then(reflection).transpose()?;

    let mut server = Server::builder()
        .max_concurrent_streams(64)
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .http2_max_header_list_size(16 * 1024);
    if let Some(Tls { certificate, key }) = exposure.tls {
        server = server.tls_config(ServerTlsConfig::new().identity(Identity::from_pem(certificate, key)))?;
    }
    let router = server.add_service(health_service).add_optional_service(reflection);
    let router = router.add_service(access).add_service(intake).add_service(audit);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let served = router.serve_with_incoming_shutdown(incoming, shutdown).await;
    following.abort();
    Ok(served?)
}

fn reflection() -> Result<
    tonic_reflection::server::v1::ServerReflectionServer<impl tonic_reflection::server::v1::ServerReflection>,
    tonic_reflection::server::Error,
> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(pb::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
}
