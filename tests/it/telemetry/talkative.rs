//! At its most talkative, on standard error, telemetry names nobody: `finish` searches it.

use crate::harness::*;

#[tokio::test]
async fn whatever_is_asked_nobody_is_named() {
    let deployment = Deployment::of_today();
    let mut command = deployment.command();
    command.env("DISOWN_TELEMETRY", "trace");
    let (broker, process) = deployment.serve_apart(command).await;
    broker.populate().await;
    for asker in [clinician(), police()] {
        broker.told(&asker, ISOLATING).await;
        broker.told(&asker, NOBODY).await;
    }
    broker.restrict(FREE).await;
    assert!(process.end().await.success());
    let said = broker.deployment.telemetry();
    assert!(said.contains("serving under this policy"), "nothing was said: {said}");
    broker.finish().await;
}
