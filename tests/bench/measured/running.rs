//! A broker that serves, and the server that it stands on.

use super::{
    asked::{Asking, THREADS},
    child::Guard,
    cluster::{KEEPER, Server},
    connection,
    deployed::PROGRAM,
    laid_out::LaidOut,
    process::Process,
    subjects::Subjects,
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
use tokio::runtime::Runtime;
use tonic::transport::{Certificate, ClientTlsConfig};

/// The server ends last.
pub struct Running<'a> {
    pub runtime: Runtime,
    laid_out: &'a LaidOut,
    pub address: String,
    pub tls: ClientTlsConfig,
    broker: Guard,
    // Kept open: a broker that writes to it must not be ended by that.
    _out: BufReader<ChildStdout>,
    pub server: Server<'a>,
}

impl<'a> Running<'a> {
    pub fn start(laid_out: &'a LaidOut, server: Server<'a>) -> anyhow::Result<Self> {
        let (broker, out, address) = serve(laid_out)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
        Ok(Self { runtime, laid_out, address, tls: tls(laid_out)?, broker, _out: out, server })
    }

    /// So many callers ask about these subjects, each waiting for its answer before it asks again. After a warm-up, what happens in a
    /// window of this length counts.
    pub fn drive(&self, about: Subjects, callers: usize, lasting: Duration) -> anyhow::Result<Figures> {
        self.server.query(KEEPER, "CHECKPOINT")?;
        let before = self.entries()?;
        let token = self.laid_out.token("dr.renouf", "health-and-care-jersey", "clinician")?;
        let tls = connection::tls(self.laid_out)?;
        let asking = Asking::begin(&self.runtime, &self.address, &tls, &token, about, callers)?;
        sleep(WARMING);
        let broker = Process::alone("broker", self.broker.child.id());
        let processes = [self.server.process(), broker, Process::this("load client"), Process::all("whole machine")];
        let window = Window::watch(&processes, lasting)?;
        let answers = self.runtime.block_on(asking.end())?;
        let recorded = self.entries()? - before;
        ensure!(recorded >= answers.len(), "{} answers and only {recorded} entries of them", answers.len());
        window.figures(&answers)
    }

    fn entries(&self) -> anyhow::Result<usize> {
        Ok(self.server.query_in(KEEPER, "disown_control", "SELECT coalesce(max(size), 0) FROM head")?.parse()?)
    }
}

/// Starts the broker alone: it, what it prints, and the address at which it listens by then.
pub fn serve(laid_out: &LaidOut) -> anyhow::Result<(Guard, BufReader<ChildStdout>, String)> {
    let mut command = Command::new(PROGRAM);
    command.args(["serve", "--development", "--config"]).arg(laid_out.path("disown.toml"));
    let telemetry = laid_out.path("telemetry");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&telemetry)?);
    let mut broker = Guard::new(command.spawn()?, Signal::TERM);
    let mut out = BufReader::new(broker.child.stdout.take().context("a child without output")?);
    let mut line = String::new();
    out.read_line(&mut line)?;
    let address = line.trim().strip_prefix("listening on ").map(str::to_owned);
    let address = address.with_context(|| fs::read_to_string(&telemetry).unwrap_or_default())?;
    Ok((broker, out, address))
}

/// How the broker is known.
pub fn tls(laid_out: &LaidOut) -> anyhow::Result<ClientTlsConfig> {
    let authority = Certificate::from_pem(fs::read_to_string(laid_out.path("authority.pem"))?);
    Ok(ClientTlsConfig::new().ca_certificate(authority).domain_name("localhost"))
}
