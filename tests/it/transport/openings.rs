//! Connections that are begun and go no further.

use super::{authority::tls, frames, raw::*};
use crate::harness::*;
use std::process::Command;
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn with_too_many_openings_the_oldest_are_given_up_and_the_newest_served() {
    let deployment = Deployment::new().with_tls();
    deployment.limit("openings", 8);
    // Nothing but their number ends them here.
    deployment.limit("opening_seconds", 3600);
    let broker = deployment.serve().await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(broker.tcp().await);
    }
    assert!(broker.serves(tls(&broker.deployment, None)).await);
    for stream in &mut silent[..90] {
        assert!(ended(stream).await.is_empty());
    }
    broker.finish().await;
}

#[tokio::test]
async fn those_who_say_nothing_are_closed_in_time() {
    let deployment = Deployment::new().with_tls();
    deployment.limit("opening_seconds", 1);
    let broker = deployment.serve().await;
    let mut silent = Vec::new();
    for at in 0..20 {
        let mut stream = broker.tcp().await;
        // Some say half of a first message.
        let _ = stream.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01][..at % 7]).await;
        silent.push(stream);
    }
    for mut stream in silent {
        assert!(ended(&mut stream).await.is_empty());
    }
    assert!(broker.serves(tls(&broker.deployment, None)).await);
    broker.finish().await;
}

#[tokio::test]
async fn a_connection_that_does_not_begin_is_closed() {
    let deployment = Deployment::new().with_tls();
    deployment.limit("opening_seconds", 1);
    let broker = deployment.serve().await;
    let opening = frames::opening();
    for length in [0, 1, 23, 24, opening.len() - 1] {
        let mut stream = broker.shake(tls(&broker.deployment, None)).await.unwrap();
        stream.write_all(&opening[..length]).await.unwrap();
        assert!(ended(&mut stream).await.is_empty(), "after {length} bytes");
    }
    // A byte at a time is slow, and no crime.
    let mut stream = broker.shake(tls(&broker.deployment, None)).await.unwrap();
    for byte in opening {
        stream.write_all(&[byte]).await.unwrap();
        stream.flush().await.unwrap();
    }
    let mut settings = [0; 9];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut settings).await.unwrap();
    assert_eq!(settings[3], frames::SETTINGS);
    broker.finish().await;
}

#[tokio::test]
async fn without_a_file_descriptor_left_it_waits_and_goes_on() {
    let deployment = Deployment::of_today();
    deployment.limit("opening_seconds", 1);
    let serve = deployment.command();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""]).arg(serve.get_program()).args(serve.get_args());
    let (broker, process) = deployment.serve_apart(command).await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(broker.tcp().await);
    }
    until(async || broker.deployment.telemetry().contains("connections cannot be accepted")).await;
    let told = Http2::over(broker.tcp().await).await.ask(http_request(HEALTH), EMPTY).await;
    assert_eq!(told, Ok(Some(0)));
    drop(silent);
    assert!(process.end().await.success());
    broker.finish().await;
}
