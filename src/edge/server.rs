//! The gRPC server: services, limits, health, TLS, graceful end.

use super::{
    acceptor::{Opener, accept},
    access::AccessEdge,
    agreement::AgreementEdge,
    audit::AuditEdge,
    authenticate::Authenticate,
    bounded::Bounded,
    break_glass::BreakGlassEdge,
    broken_off::BreakingOff,
    health,
    intake::IntakeEdge,
    places::Places,
    rights::RightsEdge,
    tls::Tls,
    warrant::WarrantEdge,
    watch::WatchEdge,
};
use crate::{
    access::Access,
    access_log::{LogState, Reader},
    approval::{Office, Register},
    config::Limits,
    entropy::Entropy,
    identity::{Attempts, Verifier},
    intake::Intake,
    pb::{
        self, access_service_server::AccessServiceServer, agreement_service_server::AgreementServiceServer,
        audit_service_server::AuditServiceServer, break_glass_service_server::BreakGlassServiceServer,
        intake_service_server::IntakeServiceServer, rights_service_server::RightsServiceServer,
        warrant_service_server::WarrantServiceServer, watch_service_server::WatchServiceServer,
    },
    readiness::Readiness,
    rights::Rights,
};
use std::{future::Future, sync::Arc};
use tokio::{net::TcpListener, sync::watch};
use tonic::{
    service::{Routes, interceptor::InterceptedService},
    transport::Server,
};

/// What is served.
#[expect(missing_debug_implementations, reason = "holds keys")]
pub struct Services {
    /// Questions.
    pub(crate) access: Arc<Access>,
    /// Intake.
    pub(crate) intake: Arc<Intake>,
    /// Approval of agreements.
    pub(crate) register: Arc<Register>,
    /// Warrants, and subjects that are watched.
    pub(crate) office: Arc<Office>,
    /// Rights of subjects.
    pub(crate) rights: Arc<Rights>,
    /// Reading the access log.
    pub(crate) reader: Reader,
    /// Whether it can be written.
    pub(crate) state: watch::Receiver<LogState>,
    /// Whether what is in force can be served.
    pub(crate) readiness: Arc<Readiness>,
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
    pub tls: Option<Arc<Tls>>,
    /// Tell clients about the services.
    pub reflection: bool,
    /// How much of it.
    pub limits: Limits,
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
    let Services { access, intake, register, office, rights, reader, state, readiness, verifier, attempts, entropy } =
        services;
    let authenticate = Authenticate::new(verifier, attempts.clone(), readiness.clone());
    let audit = AuditEdge {
        control: access.control.clone(),
        inspections: access.log.for_inspections(),
        refusals: access.log.clone(),
        clock: access.clock.clone(),
        zone: access.zone.clone(),
        entropy: entropy.clone(),
        reader,
    };
    let access = AccessServiceServer::new(AccessEdge { access, entropy: entropy.clone() });
    let agreements = AgreementServiceServer::new(AgreementEdge { register, entropy: entropy.clone() });
    let warrants = WarrantServiceServer::new(WarrantEdge { office: office.clone(), entropy: entropy.clone() });
    let watches = WatchServiceServer::new(WatchEdge { office: office.clone(), entropy: entropy.clone() });
    let break_glass = BreakGlassServiceServer::new(BreakGlassEdge { office, entropy: entropy.clone() });
    let rights = RightsServiceServer::new(RightsEdge { rights, entropy: entropy.clone() });
    let intake = IntakeServiceServer::new(IntakeEdge { intake, entropy });
    let audit = AuditServiceServer::new(audit);
    let access = InterceptedService::new(access.max_decoding_message_size(LARGEST_QUESTION), authenticate.clone());
    let intake = InterceptedService::new(intake.max_decoding_message_size(LARGEST_ROW), authenticate.clone());
    let intake = BreakingOff(intake);
    let agreements =
        InterceptedService::new(agreements.max_decoding_message_size(LARGEST_QUESTION), authenticate.clone());
    let warrants = InterceptedService::new(warrants.max_decoding_message_size(LARGEST_QUESTION), authenticate.clone());
    let watches = InterceptedService::new(watches.max_decoding_message_size(LARGEST_QUESTION), authenticate.clone());
    let break_glass =
        InterceptedService::new(break_glass.max_decoding_message_size(LARGEST_QUESTION), authenticate.clone());
    let rights = InterceptedService::new(rights.max_decoding_message_size(LARGEST_QUESTION), authenticate.clone());
    let audit = InterceptedService::new(audit.max_decoding_message_size(LARGEST_QUESTION), authenticate);

    let (reporter, health_service) = tonic_health::server::health_reporter();
    let following = tokio::spawn(health::follow(reporter, state, readiness.follow()));
    let Exposure { tls, reflection: tell, limits } = exposure;
    let mut routes = Routes::new(health_service.max_decoding_message_size(LARGEST_QUESTION));
    if tell {
        routes = routes.add_service(reflection()?.max_decoding_message_size(LARGEST_QUESTION));
    }
    let routes = routes
        .add_service(access)
        .add_service(intake)
        .add_service(agreements)
        .add_service(warrants)
        .add_service(watches)
        .add_service(break_glass)
        .add_service(rights)
        .add_service(audit);

    let (stop, stopping) = watch::channel(false);
    let shutdown = async {
        shutdown.await;
        stop.send_replace(true);
    };
    let places = Arc::new(Places::new(&limits));
    let incoming = accept(listener, Opener { tls, places, attempts, stopping, limits: limits.clone() });
    let bounded = Bounded::new(routes.prepare(), &limits);
    let served = transport(&limits).serve_with_incoming_shutdown(bounded, incoming, shutdown).await;
    following.abort();
    Ok(served?)
}

/// HTTP/2 within its limits. TLS, and the end of a connection that is too old, are not tonic's: see `acceptor` and `connection`.
fn transport(limits: &Limits) -> Server {
    // So many resets, by the client or of its own doing (CVE-2023-44487, CVE-2025-8671), before its connection is closed.
    const RESETS: usize = 20;
    const ERRORS: usize = 128;
    // Of requests that nobody has read yet, so much is taken in.
    const STREAM_WINDOW: u32 = 128 * 1024;
    const CONNECTION_WINDOW: u32 = 512 * 1024;
    Server::builder()
        .max_concurrent_streams(limits.requests.get())
        .max_connection_age(limits.connection_seconds.into())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keepalive_interval(Some(limits.keep_alive_seconds.into()))
        .http2_keepalive_timeout(Some(limits.keep_alive_answer_seconds.into()))
        .http2_max_pending_accept_reset_streams(Some(RESETS))
        .http2_max_local_error_reset_streams(Some(ERRORS))
        .http2_max_header_list_size(limits.header_bytes.get())
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
