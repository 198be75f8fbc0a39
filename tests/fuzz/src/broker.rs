//! A broker in this process, asked over gRPC as anybody asks it.

use crate::{AUDIENCE, clock};
use disown::{
    access_log::{checkpoint::LogKey, verify::verify_database},
    app::{App, AppError},
    cli::load,
    config::Config,
    deployment::{Layout, lay_out, make_stores},
    entropy::SeededEntropy,
    identity::DevelopmentIssuer,
    pb::{self, intake_service_client::IntakeServiceClient, load_request::Part, load_response::Report},
};
use regex::bytes::Regex;
use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::oneshot, sync::watch, task::JoinHandle};
use tonic::{Code, Request, Status, transport::Channel};

/// Somebody, in a role, under terms that fit.
#[derive(Clone, Copy)]
pub struct Asker {
    organisation: &'static str,
    terms: [&'static str; 4],
}

impl Asker {
    /// One of each role; the registrar is the first.
    pub const ALL: [Asker; 7] = [
        asker("jersey-population-office", ["registrar", "registration", "registers", "REG-2026-01"]),
        asker("health-and-care-jersey", ["clinician", "clinical_care", "clinical-care", "ENC-20260001"]),
        asker("public-health-jersey", ["contact_tracer", "contact_tracing", "contact-tracing", "CT-000123"]),
        asker(
            "states-of-jersey-police",
            ["police_officer", "isolation_enforcement", "sojp-isolation", "AB-2026-000123"],
        ),
        asker("statistics-jersey", ["statistician", "statistics", "statistics", "ST-0001"]),
        asker("public-health-jersey", ["booking_clerk", "test_booking", "test-booking", "BK-000001"]),
        asker("jersey-audit-office", ["auditor", "audit", "audit", "AU-0001"]),
    ];

    /// A question that acknowledges what binds it and names a ground, unless it says something else.
    pub fn bind(&self, question: &mut pb::QueryRequest) {
        let [.., agreement, _] = self.terms;
        if question.acknowledged.is_empty() {
            let file = format!("{}/../../policies/agreements/{agreement}.toml", env!("CARGO_MANIFEST_DIR"));
            question.acknowledged = crate::conditions::digest_of(&fs::read_to_string(file).unwrap());
        }
        if question.ground.is_empty() {
            question.ground = crate::conditions::ground_under(agreement);
        }
    }

    pub fn terms(&self) -> Option<pb::Terms> {
        let [role, purpose, agreement, case_reference] = self.terms.map(str::to_owned);
        Some(pb::Terms { role, purpose, agreement, case_reference })
    }
}

const fn asker(organisation: &'static str, terms: [&'static str; 4]) -> Asker {
    Asker { organisation, terms }
}

const SOURCES: [(&str, &str); 3] = [
    ("people", include_str!("../seeds/intake/people.csv")),
    ("clinical", include_str!("../seeds/intake/clinical.csv")),
    ("public_health", include_str!("../seeds/intake/public_health.csv")),
];

/// After so many requests a broker is stopped, its access log verified, and its files searched for what it was sent.
const REQUESTS: u64 = 2_000;

static IDENTIFIER: LazyLock<Regex> = LazyLock::new(|| Regex::new("JY[0-9]{6}[A-D]|V[0-9]{7}").unwrap());

/// A broker with a few people in it.
pub struct Broker {
    folder: TempDir,
    pub channel: Channel,
    issuer: DevelopmentIssuer,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), AppError>>,
    _reload: watch::Sender<u64>,
    requests: u64,
    identifiers: HashSet<Vec<u8>>,
}

impl Broker {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout {
            directory: folder.path().to_owned(),
            listen: "127.0.0.1:0".parse().unwrap(),
            log_name: "disown.example/fuzz".to_owned(),
            development: true,
            postgres: vec![],
        };
        lay_out(&layout, crate::TODAY, &SeededEntropy::new(1)).unwrap();
        let issuer = fs::read_to_string(folder.path().join("development-issuer.pem")).unwrap();
        let config = Config::read(&folder.path().join("disown.toml")).unwrap();
        make_stores(&config, None, None, &SeededEntropy::new(3)).await.unwrap();
        let app = App::build(config, clock(), Arc::new(SeededEntropy::new(2))).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (reload, requests) = watch::channel(0);
        let serving = tokio::spawn(app.run(listener, requests, async {
            let _ = stopped.await;
        }));
        let mut broker = Self {
            folder,
            channel: Channel::from_shared(format!("http://{address}")).unwrap().connect_lazy(),
            issuer: DevelopmentIssuer::from_pem(&issuer).unwrap(),
            stop,
            serving,
            _reload: reload,
            requests: 0,
            identifiers: HashSet::new(),
        };
        for (dataset, csv) in SOURCES {
            let rows = load::parse(csv.as_bytes()).unwrap();
            let count = rows.rows.len() as u64;
            assert_eq!(broker.load(dataset, rows).await.unwrap(), (count, 0), "the seeds of `{dataset}` are rejected");
        }
        broker
    }

    /// That broker, or a new one in its place when it has served enough.
    pub async fn or_next(self) -> Self {
        if self.requests < REQUESTS {
            return self;
        }
        self.finish().await;
        Self::start().await
    }

    /// A request of somebody.
    pub fn request<T>(&mut self, asker: Asker, message: T) -> Request<T> {
        self.requests += 1;
        let [role, ..] = asker.terms;
        let entropy = SeededEntropy::new(self.requests);
        let token = self.issuer.token("somebody", asker.organisation, &[role], AUDIENCE, &*clock(), &entropy);
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", format!("Bearer {}", token.unwrap()).parse().unwrap());
        request
    }

    /// Remembers the subject identifiers of what is going to be sent: none of them may be found when the broker has ended.
    pub fn will_send(&mut self, bytes: &[u8]) {
        self.identifiers.extend(IDENTIFIER.find_iter(bytes).map(|found| found.as_bytes().to_vec()));
    }

    /// Delivers the rows of a file: how many are stored and how many rejected.
    pub async fn load(&mut self, dataset: &str, rows: load::Rows) -> Result<(u64, u64), Status> {
        let load::Rows { columns, rows } = rows;
        for row in &rows {
            row.values.iter().for_each(|value| self.will_send(value));
        }
        let registrar = Asker::ALL[0];
        let source = "fuzz".to_owned();
        let start = pb::LoadStart { terms: registrar.terms(), dataset: dataset.to_owned(), columns, source };
        let parts: Vec<_> = std::iter::once(Part::Start(start)).chain(rows.into_iter().map(Part::Row)).collect();
        let parts = tokio_stream::iter(parts.into_iter().map(|part| pb::LoadRequest { part: Some(part) }));
        let request = self.request(registrar, parts);
        let mut reports = IntakeServiceClient::new(self.channel.clone()).load(request).await?.into_inner();
        let (mut stored, mut rejected) = (0, 0);
        while let Some(message) = reports.message().await? {
            match message.report.unwrap() {
                Report::Stored(batch) => stored += batch.rows,
                Report::Rejection(rejection) => {
                    assert!(!IDENTIFIER.is_match(rejection.column.as_bytes()));
                    rejected += 1;
                }
            }
        }
        Ok((stored, rejected))
    }

    async fn finish(self) {
        let key = fs::read_to_string(self.folder.path().join("log.vkey")).unwrap();
        drop((self.channel, self.stop));
        self.serving.await.unwrap().unwrap();
        let log = self.folder.path().join("data/control.sqlite");
        verify_database(&log, &LogKey::parse(key.trim()).unwrap()).await.unwrap();
        for path in files(self.folder.path()) {
            for found in IDENTIFIER.find_iter(&fs::read(&path).unwrap()) {
                assert!(!self.identifiers.contains(found.as_bytes()), "an identifier stands in {}", path.display());
            }
        }
    }
}

/// A refusal is one that a caller may be told, and repeats no identifier. Messages that are none are tonic's to refuse.
pub fn assert_tellable(status: &Status) {
    let told = matches!(
        status.code(),
        Code::PermissionDenied | Code::InvalidArgument | Code::ResourceExhausted | Code::OutOfRange
    );
    assert!(told, "{status:?}");
    assert!(!IDENTIFIER.is_match(status.message().as_bytes()), "{status:?}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
