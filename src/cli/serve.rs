//! `disownctl serve`.

use super::LAST_LINES;
use crate::{
    app::App,
    clock::SystemClock,
    config::Config,
    entropy::SystemEntropy,
    telemetry::{Lines, Telemetry},
};
use anyhow::Context;
use clap::Args;
use std::{path::PathBuf, process::ExitCode, sync::Arc};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Serve.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The configuration.
    #[arg(long, default_value = "disown.toml")]
    config: PathBuf,
    /// Trust the development issuer, if the configuration names it. It lets anybody in who has its key.
    #[arg(long)]
    development: bool,
}

impl Serve {
    pub(super) async fn run(self, telemetry: &Telemetry) -> anyhow::Result<ExitCode> {
        let config = Config::read(&self.config)?;
        config.allow_development(self.development)?;
        let export = telemetry.export(&config.telemetry, &config.broker)?;
        let out = Lines::to(std::io::stdout())?;
        let served = serve(config, &out).await;
        if let Some(export) = export {
            export.end().await;
        }
        out.flush(Some(LAST_LINES));
        served.map(|()| ExitCode::SUCCESS)
    }
}

async fn serve(config: Config, out: &Lines) -> anyhow::Result<()> {
    let address = config.listen.address;
    // Before anything is written: a second broker that is started by mistake ends here, and leaves the first alone.
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let app = App::build(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await?;
    let (reload, requests) = watch::channel(0);
    // Before anybody can know that it listens: unheard, a hang-up would end it, and so would being told to stop, in the middle of things.
    let (mut hangups, terminated) = (signal(SignalKind::hangup())?, terminated()?);
    out.say(&format!("listening on {}", listener.local_addr()?));
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            reload.send_modify(|count| *count += 1);
        }
    });
    app.run(listener, requests, terminated).await?;
    Ok(())
}

/// Resolves on SIGTERM and SIGINT.
pub(super) fn terminated() -> std::io::Result<impl Future<Output = ()> + Send> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
