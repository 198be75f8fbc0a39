//! From the start of `disownctl serve` to its telling where it listens, and to its health's being that it serves.

use crate::{
    deployment::Deployment,
    measured::{
        asked::connect,
        running::{serve, tls},
    },
    median::{median, nanoseconds},
    options::Options,
    report::{Goal, Report, Unit},
};
use std::time::Instant;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

const MOST: Goal = Goal::AtMost(1e9);

pub fn measure(deployment: &Deployment, entries: u64, options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let _server = deployment.server()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tls = tls(deployment.laid_out())?;
    let (mut listening, mut ready) = (Vec::new(), Vec::new());
    for _ in 0..options.runs {
        let start = Instant::now();
        let (_broker, _out, address) = serve(deployment.laid_out())?;
        listening.push(nanoseconds(start.elapsed()));
        runtime.block_on(async {
            let mut health = HealthClient::new(connect(&address, &tls).await?);
            loop {
                let status = health.check(HealthCheckRequest::default()).await?.into_inner().status();
                if status == ServingStatus::Serving {
                    return anyhow::Ok(());
                }
            }
        })?;
        ready.push(nanoseconds(start.elapsed()));
    }
    report.figure(format!("{entries} entries: listens after"), median(listening), Unit::Nanoseconds);
    report.figure_with_goal(format!("{entries} entries: serves after"), median(ready), Unit::Nanoseconds, MOST);
    Ok(())
}
