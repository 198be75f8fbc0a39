//! `disownctl demo`: what a newcomer sees first.

mod ask;
mod population;
mod tamper;

use super::{client::connection, load::deliver, log_search, receipt, serve::terminated};
use crate::{
    app::App,
    clock::{Clock, SystemClock},
    config::Config,
    deployment::{Layout, lay_out, make_stores},
    entropy::{Entropy, SystemEntropy},
    identity::DevelopmentIssuer,
    pb::{self, audit_service_client::AuditServiceClient},
};
use ask::{Asker, CLINICIAN, POLICE, STATISTICIAN, TRACER};
use clap::Args;
use indicatif::ProgressBar;
use jiff::tz::TimeZone;
use population::{FREE, ISOLATING, NOBODY, Population};
use std::{path::Path, process::ExitCode, sync::Arc};
use tokio::{net::TcpListener, sync::watch};
use tonic::transport::Channel;

/// See the broker at work, on an invented population.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// End after the tour, instead of staying up for your own questions.
    #[arg(long)]
    exit: bool,
}

const REGISTRAR: Asker = Asker {
    name: "registry-feed",
    role: "registrar",
    organisation: "jersey-population-office",
    purpose: "registration",
    agreement: "registers",
    case: "REG-2026-01",
};
const AUDITOR: Asker = Asker {
    name: "auditor.pallot",
    role: "auditor",
    organisation: "jersey-audit-office",
    purpose: "audit",
    agreement: "audit",
    case: "AU-0001",
};

impl Demo {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let folder = tempfile::Builder::new().prefix("disown-demo-").tempdir()?;
        let base = folder.path();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let listen = listener.local_addr()?;
        let today = SystemClock.now().to_zoned(TimeZone::get("Europe/Jersey")?).date();
        let layout = Layout {
            directory: base.to_owned(),
            listen,
            log_name: "disown.example/demo".to_owned(),
            development: true,
            postgres: vec![],
        };
        lay_out(&layout, today, &SystemEntropy)?;
        let config = Config::read(&base.join("disown.toml"))?;
        let issuer = DevelopmentIssuer::from_pem(&std::fs::read_to_string(base.join("development-issuer.pem"))?)?;
        make_stores(&config, None, None, &SystemEntropy).await?;
        let app = App::build(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await?;
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (_reload, requests) = watch::channel(0);
        let serving = tokio::spawn(app.run(listener, requests, async {
            let _ = stopped.await;
        }));
        let channel = Channel::from_shared(format!("http://{listen}"))?.connect().await?;
        tour(base, &issuer, channel.clone(), population::population(today)).await?;
        if !self.exit {
            invite(base, &issuer, &channel, &listen.to_string()).await?;
            terminated()?.await;
        }
        let _ = stop.send(());
        serving.await??;
        Ok(ExitCode::SUCCESS)
    }
}

async fn tour(base: &Path, issuer: &DevelopmentIssuer, channel: Channel, population: Population) -> anyhow::Result<()> {
    println!("Disown: three datasets, kept apart, linked for one answer, filtered by role, recorded before release.\n");
    let entropy: &dyn Entropy = &SystemEntropy;
    for mut source in [population.people, population.clinical, population.public_health] {
        entropy.shuffle(&mut source.rows)?;
        let terms = Some(REGISTRAR.terms());
        let start = pb::LoadStart {
            terms,
            dataset: source.dataset.to_owned(),
            columns: source.columns,
            source: "invented".to_owned(),
        };
        let delivered = deliver(
            connection(channel.clone(), &REGISTRAR.token(issuer)?)?,
            start,
            source.rows,
            &ProgressBar::hidden(),
        )
        .await?;
        println!(
            "  {:4} records into `{}`: a database, a key and pseudonyms of its own",
            delivered.stored, source.dataset
        );
    }

    println!("\n1. The same subject, asked about in four roles. ■ full  ▒ coarse  ? exists  · withheld\n");
    let mut answers = Vec::new();
    for asker in [CLINICIAN, TRACER, POLICE, STATISTICIAN] {
        answers.push((asker, ask::query(&channel, issuer, &asker, ISOLATING).await?));
    }
    println!("{}", ask::side_by_side(&answers));

    println!("\n2. Police ask about somebody who is not under isolation, and about a number that nobody has.\n");
    let free = ask::response(&channel, issuer, &POLICE, FREE).await?;
    let nobody = ask::response(&channel, issuer, &POLICE, NOBODY).await?;
    println!("{}", ask::compare(&free, &nobody)?);

    println!(
        "\n3. What these left in the access log, as an auditor sees it: names, terms, levels, a tag; no value, no number.\n"
    );
    let mut auditor = AuditServiceClient::new(connection(channel.clone(), &AUDITOR.token(issuer)?)?);
    let request = pb::SearchRequest { terms: Some(AUDITOR.terms()), ..Default::default() };
    let mut pages = auditor.search(request).await?.into_inner();
    let mut table = log_search::entries_table();
    while let Some(page) = pages.message().await? {
        for entry in page.entries {
            log_search::add_row(&mut table, &entry)?;
        }
    }
    println!("{table}");

    println!("\n4. The receipt of an answer, checked offline with the public key of the access log alone.\n");
    let shown = ask::response(&channel, issuer, &CLINICIAN, ISOLATING).await?;
    let line = receipt::to_json(&shown)?;
    std::fs::write(base.join("receipt.json"), format!("{line}\n"))?;
    let key = super::log_offline::key(&base.join("log.vkey"))?;
    let holds = receipt::check(&line, &key)?;
    println!(
        "   holds: entry {} is under the signed root, and covers exactly these {} bytes",
        holds.index,
        shown.answer.len()
    );
    let mut forged = shown.clone();
    if let Some(byte) = forged.answer.last_mut() {
        *byte ^= 1;
    }
    match receipt::check(&receipt::to_json(&forged)?, &key) {
        Ok(_) => anyhow::bail!("a forged answer was taken for genuine"),
        Err(error) => println!("   one bit of the answer changed: {error:#}"),
    }

    println!("\n5. One byte of the access log flipped, in a copy.\n");
    tamper::show(base, &key).await
}

async fn invite(base: &Path, issuer: &DevelopmentIssuer, channel: &Channel, listen: &str) -> anyhow::Result<()> {
    let at = base.display();
    let bound = [ask::bound(channel, issuer, &CLINICIAN).await?, ask::bound(channel, issuer, &POLICE).await?];
    println!(
        "\nThe broker stays up at http://{listen} until you press Ctrl-C; its files are in {at}. Ask yourself:\n
  export DISOWN_SERVER=http://{listen}
  export DISOWN_TOKEN=$(disownctl token --config {at}/disown.toml --caller {} --organisation {} --role {})
  disownctl query jy:{ISOLATING} --role {} --purpose {} --agreement {} --case {} \\
    --acknowledge {}\n
  export DISOWN_TOKEN=$(disownctl token --config {at}/disown.toml --caller {} --organisation {} --role {})
  disownctl query jy:{ISOLATING} --view isolation_check --role {} --purpose {} --agreement {} --case {} \\
    --ground {} --acknowledge {}\n
`disownctl` is target/release/disownctl after `cargo build --release`. The README has a client in Python.",
        CLINICIAN.name,
        CLINICIAN.organisation,
        CLINICIAN.role,
        CLINICIAN.role,
        CLINICIAN.purpose,
        CLINICIAN.agreement,
        CLINICIAN.case,
        bound[0].handling_digest,
        POLICE.name,
        POLICE.organisation,
        POLICE.role,
        POLICE.role,
        POLICE.purpose,
        POLICE.agreement,
        POLICE.case,
        bound[1].grounds.first().map_or("", String::as_str),
        bound[1].handling_digest,
    );
    Ok(())
}
