//! The broker itself: three datasets in databases of their own, the answer linked, redacted and recorded, with TLS, token and receipt.

use crate::{
    asked,
    child::Guard,
    cluster::{Cluster, KEEPER, Server, succeed},
    contender::{Contender, Started},
    ground::Ground,
    laid_out::LaidOut,
    process::Process,
    window::{Figures, WARMING, Window},
};
use anyhow::{Context, ensure};
use rustix::process::Signal;
use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    process::{ChildStdout, Command, Stdio},
    thread::sleep,
    time::Duration,
};
use tonic::transport::{Certificate, ClientTlsConfig};

pub fn prepare(_: &Ground) -> anyhow::Result<Box<dyn Contender>> {
    let cluster = Cluster::init()?;
    let laid_out = LaidOut::new(&cluster)?;
    let broker = Broker { cluster, laid_out };
    let server = broker.cluster.start(&[])?;
    let admin = format!("postgres:///postgres?host={}&user={KEEPER}", broker.cluster.sockets().display());
    let mut init = Command::new(env!("CARGO_BIN_EXE_disown"));
    init.args(["database", "init", "--admin", &admin, "--config"]).arg(broker.laid_out.path("disown.toml"));
    succeed(&mut init)?;
    {
        let running = Running::start(&broker.laid_out, server)?;
        running.runtime.block_on(asked::fill(&running.address, &running.tls, &broker.laid_out))?;
        running.server.query_in(KEEPER, "disown_clinical", "VACUUM ANALYZE")?;
        running.server.query_in(KEEPER, "disown_people", "VACUUM ANALYZE")?;
        running.server.query_in(KEEPER, "disown_public_health", "VACUUM ANALYZE")?;
    }
    Ok(Box::new(broker))
}

struct Broker {
    cluster: Cluster,
    laid_out: LaidOut,
}

impl Contender for Broker {
    fn start(&self) -> anyhow::Result<Box<dyn Started + '_>> {
        Ok(Box::new(Running::start(&self.laid_out, self.cluster.start(&[])?)?))
    }
}

/// The server ends last.
struct Running<'a> {
    runtime: tokio::runtime::Runtime,
    laid_out: &'a LaidOut,
    address: String,
    tls: ClientTlsConfig,
    broker: Guard,
    // Kept open: a broker that writes to it must not be ended by that.
    _out: BufReader<ChildStdout>,
    server: Server<'a>,
}

impl<'a> Running<'a> {
    fn start(laid_out: &'a LaidOut, server: Server<'a>) -> anyhow::Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_disown"));
        command.args(["serve", "--development", "--config"]).arg(laid_out.path("disown.toml"));
        let telemetry = laid_out.path("telemetry");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&telemetry)?);
        let mut broker = Guard::new(command.spawn()?, Signal::TERM);
        let mut out = BufReader::new(broker.child.stdout.take().context("a child without output")?);
        let mut line = String::new();
        out.read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on ").map(str::to_owned);
        let address = address.with_context(|| fs::read_to_string(&telemetry).unwrap_or_default())?;
        let authority = Certificate::from_pem(fs::read_to_string(laid_out.path("authority.pem"))?);
        let tls = ClientTlsConfig::new().ca_certificate(authority).domain_name("localhost");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(crate::callers::THREADS).enable_all().build()?;
        Ok(Self { runtime, laid_out, address, tls, broker, _out: out, server })
    }

    fn entries(&self) -> anyhow::Result<usize> {
        Ok(self.server.query_in(KEEPER, "disown_control", "SELECT count(*) FROM entry")?.parse()?)
    }
}

impl Started for Running<'_> {
    fn drive(&mut self, callers: usize, lasting: Duration) -> anyhow::Result<Figures> {
        self.server.query(KEEPER, "CHECKPOINT")?;
        let before = self.entries()?;
        let token = self.laid_out.token("dr.renouf", "health-and-care-jersey", "clinician")?;
        let asking = asked::Asking::begin(&self.runtime, &self.address, &self.tls, &token, callers)?;
        sleep(WARMING);
        let broker = Process::alone("broker", self.broker.child.id());
        let processes = [self.server.process(), broker, Process::this("load client")];
        let window = Window::watch(&processes, lasting)?;
        let answers = self.runtime.block_on(asking.end())?;
        let recorded = self.entries()? - before;
        ensure!(recorded >= answers.len(), "{} answers and only {recorded} entries of them", answers.len());
        window.figures(&answers)
    }
}
