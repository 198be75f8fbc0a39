//! Can the reason of an empty answer be told by the time it takes? Six classes of subjects for whom a police officer gets an empty
//! answer, asked about in random order by many callers at once over gRPC, and every pair of classes compared: Welch's t,
//! the area under the ROC curve with its standard score (Mann-Whitney), which noise disturbs less, and the gap of the medians. With the slot off the same
//! measurement must tell the classes apart: else it could not see anything.
//!
//!     cargo bench --bench oracle -- [SAMPLES of each class, default 200000] [CALLERS, default 64]
//!
//! Ends with 1 where a class can be told from another, or where the control sees nothing.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a program that ends at the first thing that goes wrong"
)]

#[path = "../it/harness/conditions.rs"]
mod conditions;
mod limits;
#[path = "oracle/others.rs"]
mod others;
#[path = "oracle/statistics.rs"]
mod statistics;

use disown::{
    access::Slot,
    app::App,
    clock::SystemClock,
    config::Config,
    deployment::{Layout, lay_out, make_stores},
    entropy::SystemEntropy,
    identity::DevelopmentIssuer,
    pb::{
        self, access_service_client::AccessServiceClient, intake_service_client::IntakeServiceClient,
        load_request::Part, query_request::Subject, rights_service_client::RightsServiceClient,
    },
};
use jiff::{ToSpan, Zoned, civil::Date};
use prost::Message;
use statistics::{auc, median, welch};
use std::{fs, path::Path, process::ExitCode, sync::Arc, time::Duration, time::Instant};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
};
use tonic::{Request, transport::Channel};

const CLASSES: [&str; 6] =
    ["unknown", "nothing held", "condition not met", "restricted", "limit reached by another caller", "honey"];
/// Their places.
const LIMIT_OF_ANOTHER: usize = 4;
const HONEY: usize = 5;
type Times = [Vec<f64>; CLASSES.len()];
/// Subjects of each class, so that no cache knows one of them.
const SUBJECTS: usize = 40;
/// Orders that are over, of each subject outside the condition: a long history takes longest to look through.
const ORDERS: usize = 200;
/// Everybody may ask about all of them and about nobody else.
const LIMIT: usize = SUBJECTS * CLASSES.len();

/// The dudect rule: a statistic beyond this is no chance.
const BEYOND_CHANCE: f64 = 4.5;
const PEOPLE: &str = "jy_number,given_name,family_name,date_of_birth,sex,place_of_birth,address_line,parish,postcode,phone,email,registered_on";
const CLINICAL: &str =
    "record_id,jy_number,record_type,code_system,code,description,event_date,end_date,value,unit,status,site";
const PUBLIC_HEALTH: &str = "record_id,jy_number,record_type,event_date,end_date,category,place,parish_or_port,contact_jy_number,test_result,detail";

fn number(class: usize, subject: usize) -> String {
    format!("JY{}{:05}A", class + 1, subject)
}

#[tokio::main]
async fn main() -> ExitCode {
    // `cargo bench` passes `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let samples: usize = arguments.next().map_or(200_000, |count| count.parse().unwrap());
    let callers: usize = arguments.next().map_or(64, |count| count.parse().unwrap());
    rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap();
    println!("{samples} samples of each class, {callers} callers");
    let with = measure(Slot(Duration::from_millis(25)), samples, callers).await;
    let hidden = report("slot of 25 ms", &with, samples >= 100_000);
    // Without a slot nobody waits: few callers make less noise, and what is there to be seen shows in few samples.
    let without = measure(Slot(Duration::ZERO), samples.min(20_000), 4).await;
    let told_apart = !report("control: no slot, 4 callers", &without, false);
    if hidden && told_apart {
        println!("oracle: no class can be told from another; the control tells them apart");
        ExitCode::SUCCESS
    } else {
        println!(
            "oracle: FAILED ({})",
            if hidden { "the control sees nothing" } else { "a class can be told from another" }
        );
        ExitCode::FAILURE
    }
}

/// Whether no pair of classes can be told apart.
fn report(what: &str, times: &Times, large: bool) -> bool {
    println!("\n{what}");
    println!("{:<50} {:>9} {:>9} {:>9} {:>12}", "", "Welch t", "AUC", "score", "median gap");
    let mut alike = true;
    let pairs = (0..CLASSES.len()).flat_map(|one| (one + 1..CLASSES.len()).map(move |other| (one, other)));
    for (one, other) in pairs {
        let (a, b) = (&times[one], &times[other]);
        let (t, auc, gap) = (welch(a, b), auc(a, b), (median(a) - median(b)).abs());
        let score = (auc - 0.5) / ((a.len() + b.len() + 1) as f64 / (12.0 * a.len() as f64 * b.len() as f64)).sqrt();
        let pair = format!("{} | {}", CLASSES[one], CLASSES[other]);
        println!("{pair:<50} {t:>9.2} {auc:>9.4} {score:>9.2} {gap:>9.1} us");
        // The bounds of the curve and of the medians are for many samples.
        alike &= t.abs() < BEYOND_CHANCE
            && score.abs() < BEYOND_CHANCE
            && (!large || ((0.49..=0.51).contains(&auc) && gap < 20.0));
    }
    for (class, times) in CLASSES.iter().zip(times) {
        println!("{class:<50} median {:>9.1} us", median(times));
    }
    alike
}

/// Microseconds of each sample, by class.
async fn measure(slot: Slot, samples: usize, callers: usize) -> Times {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::serve(folder.path(), slot).await;
    broker.fill().await;
    broker.watch(HONEY).await;
    broker.reach_the_limit(LIMIT_OF_ANOTHER).await;
    let rounds = samples.div_ceil(callers);
    // A broker allows a client so many connections and no more.
    let channels: Vec<_> = (0..callers.min(8)).map(|_| broker.channel()).collect();
    let asking = (0..callers).map(|caller| {
        let (channel, base) = (channels[caller % channels.len()].clone(), folder.path().to_owned());
        tokio::spawn(async move { ask(channel, &base, caller as u64, rounds).await })
    });
    let mut times = Times::default();
    for one in asking.collect::<Vec<_>>() {
        for (all, of_caller) in times.iter_mut().zip(one.await.unwrap()) {
            all.extend(of_caller);
        }
    }
    broker.stop().await;
    times
}

/// One caller: in every round one question of each class, in random order.
async fn ask(channel: Channel, base: &Path, caller: u64, rounds: usize) -> Times {
    let mut client = AccessServiceClient::new(channel);
    let mut times = Times::default();
    let mut token = (Instant::now(), token(base, "bench", "states-of-jersey-police", "police_officer"));
    let mut state = caller.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for round in 0..rounds {
        if token.0.elapsed() > Duration::from_secs(300) {
            token = (Instant::now(), self::token(base, "bench", "states-of-jersey-police", "police_officer"));
        }
        let mut order: [usize; CLASSES.len()] = std::array::from_fn(|class| class);
        for at in (1..CLASSES.len()).rev() {
            // xorshift: an order that has nothing to do with the clock is all that is wanted.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            order.swap(at, (state % (at as u64 + 1)) as usize);
        }
        for class in order {
            let subject = (state as usize).wrapping_add(round) % SUBJECTS;
            let question = about(&number(class, subject));
            let mut request = Request::new(question);
            request.metadata_mut().insert("authorization", token.1.parse().unwrap());
            let begun = Instant::now();
            let response = client.query(request).await.unwrap().into_inner();
            let took = begun.elapsed();
            assert!(pb::Answer::decode(response.answer.as_slice()).unwrap().records.is_empty());
            times[class].push(took.as_secs_f64() * 1e6);
        }
    }
    times
}

/// What an officer asks.
fn about(number: &str) -> pb::QueryRequest {
    pb::QueryRequest {
        terms: terms("police_officer", "isolation_enforcement", "sojp-isolation", "AB-2026-000123"),
        subject: Some(Subject::Identifier(format!("jy:{number}"))),
        ground: conditions::ground_under("sojp-isolation"),
        acknowledged: conditions::digest_of(include_str!("../../policies/agreements/sojp-isolation.toml")),
        ..Default::default()
    }
}

struct Broker {
    address: std::net::SocketAddr,
    base: std::path::PathBuf,
    stop: oneshot::Sender<()>,
    serving: tokio::task::JoinHandle<()>,
}

impl Broker {
    async fn serve(base: &Path, slot: Slot) -> Self {
        let layout = Layout {
            directory: base.to_owned(),
            listen: "127.0.0.1:0".parse().unwrap(),
            log_name: "disown.example/bench".to_owned(),
            development: true,
            postgres: vec![],
        };
        lay_out(&layout, today(), &SystemEntropy).unwrap();
        limits::raise(&base.join("policies")).unwrap();
        let agreement = base.join("policies/agreements/sojp-isolation.toml");
        let text = fs::read_to_string(&agreement).unwrap();
        let limit = format!("subjects_per_caller_per_day = {LIMIT} }}");
        fs::write(&agreement, text.replace("subjects_per_caller_per_day = 1000000000 }", &limit)).unwrap();
        // A connection that ends while it is measured would take its questions with it.
        let path = base.join("disown.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("# connection_seconds = 600 ", "connection_seconds = 86400 ")).unwrap();
        // The configuration allows no slot that hides nothing; only here can there be one.
        let config = Config { slot, ..Config::read(&path).unwrap() };
        make_stores(&config, None, None, &SystemEntropy).await.unwrap();
        let app = App::build(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (_, reload) = watch::channel(0);
        let serving = tokio::spawn(async move {
            app.run(listener, reload, async { drop(stopped.await) }).await.unwrap();
        });
        Self { address, base: base.to_owned(), stop, serving }
    }

    fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address)).unwrap().connect_lazy()
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap();
    }

    /// `nothing held`: known to the clinic alone. `condition not met`: in the register, with orders that are over. `restricted`: in the
    /// register, with an order that runs.
    async fn fill(&self) {
        let day = |back: i64| today().saturating_sub(back.days());
        let clinical: Vec<_> = (0..SUBJECTS)
            .map(|at| format!("C{at},{},condition,SNOMED,195967001,Asthma,2015-03-01,,,,active,GP", number(1, at)))
            .collect();
        let people = [2, 3].into_iter().flat_map(|class| {
            let person = move |at| {
                format!(
                    "{},Ana,Ferreira,2001-12-31,F,PT,3 La Grande Rue,St Ouen,JE3 2LQ,,,2019-04-01",
                    number(class, at)
                )
            };
            (0..SUBJECTS).map(person)
        });
        let running = (0..SUBJECTS)
            .map(|at| format!("R{at},{},isolation,{},{},contact,,St Ouen,,,", number(3, at), day(3), day(-7)));
        let orders = (0..SUBJECTS).flat_map(|at| {
            let over = move |order: usize| {
                let begun = 60 + 20 * order as i64;
                format!(
                    "H{at}-{order},{},isolation,{},{},contact,,St Ouen,,,",
                    number(2, at),
                    day(begun),
                    day(begun - 10)
                )
            };
            (0..ORDERS).map(over)
        });
        self.load("people", PEOPLE, people.collect()).await;
        self.load("clinical", CLINICAL, clinical).await;
        self.load("public_health", PUBLIC_HEALTH, orders.chain(running).collect()).await;
        for at in 0..SUBJECTS {
            self.restrict(&number(3, at)).await;
        }
    }

    async fn restrict(&self, number: &str) {
        let request = pb::RestrictRequest {
            terms: terms("rights_officer", "subject_rights", "subject-rights", "SR-2026-0001"),
            identifier: format!("jy:{number}"),
            ground: pb::RestrictionGround::Objection.into(),
        };
        let mut request = Request::new(request);
        let token = token(&self.base, "bench", "government-of-jersey", "rights_officer");
        request.metadata_mut().insert("authorization", token.parse().unwrap());
        RightsServiceClient::new(self.channel()).restrict(request).await.unwrap();
    }

    async fn load(&self, dataset: &str, header: &str, rows: Vec<String>) {
        let start = pb::LoadStart {
            terms: terms("registrar", "registration", "registers", "REG-2026-01"),
            dataset: dataset.to_owned(),
            columns: header.split(',').map(str::to_owned).collect(),
            source: "bench".to_owned(),
        };
        let expected = rows.len() as u64;
        let rows = rows.into_iter().zip(2..).map(|(row, line)| {
            Part::Row(pb::Row { line, values: row.split(',').map(|value| value.as_bytes().to_vec()).collect() })
        });
        let parts = std::iter::once(Part::Start(start)).chain(rows);
        let messages: Vec<_> = parts.map(|part| pb::LoadRequest { part: Some(part) }).collect();
        let mut request = Request::new(tokio_stream::iter(messages));
        let token = token(&self.base, "bench", "jersey-population-office", "registrar");
        request.metadata_mut().insert("authorization", token.parse().unwrap());
        let mut reports = IntakeServiceClient::new(self.channel()).load(request).await.unwrap().into_inner();
        let mut stored = 0;
        while let Some(report) = reports.message().await.unwrap() {
            match report.report.unwrap() {
                pb::load_response::Report::Stored(batch) => stored += batch.rows,
                pb::load_response::Report::Rejection(rejection) => {
                    panic!("line {}: {}", rejection.line, rejection.rule)
                }
            }
        }
        assert_eq!(stored, expected);
    }
}

fn terms(role: &str, purpose: &str, agreement: &str, case_reference: &str) -> Option<pb::Terms> {
    let [role, purpose, agreement, case_reference] = [role, purpose, agreement, case_reference].map(str::to_owned);
    Some(pb::Terms { role, purpose, agreement, case_reference })
}

fn token(base: &Path, caller: &str, organisation: &str, role: &str) -> String {
    let pem = fs::read_to_string(base.join("development-issuer.pem")).unwrap();
    let issuer = DevelopmentIssuer::from_pem(&pem).unwrap();
    let token = issuer.token(caller, organisation, &[role], "disown", &SystemClock, &SystemEntropy).unwrap();
    format!("Bearer {token}")
}

#[expect(clippy::disallowed_methods, reason = "a measurement happens today")]
fn today() -> Date {
    Zoned::now().date()
}
