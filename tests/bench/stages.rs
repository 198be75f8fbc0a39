//! 5. What a query costs by stage: processor time of the thread between entering and leaving each span of the broker.

use crate::{
    asking::ask,
    deployment::Deployment,
    report::{Report, Unit},
};
use disown::{app::App, clock::SystemClock, config::Config, entropy::SystemEntropy};
use rustix::time::{ClockId, clock_gettime};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
};
use tracing::{Subscriber, span};
use tracing_subscriber::{
    Layer, Registry,
    filter::filter_fn,
    layer::{Context, SubscriberExt},
    registry::LookupSpan,
};

const STAGES: [&str; 8] = ["authorise", "plan", "translate", "fetch", "link", "redact", "record", "release"];
const CALLERS: usize = 16;
const LASTING: Duration = Duration::from_secs(6);

/// Nanoseconds by name of span.
type Busy = Arc<Mutex<BTreeMap<&'static str, u64>>>;

/// Adds up what each span keeps its threads busy.
struct Stopwatch(Busy);

thread_local! {
    /// When each span that this thread is in was entered.
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Stopwatch {
    fn on_enter(&self, _: &span::Id, _: Context<'_, S>) {
        ENTERED.with_borrow_mut(|entered| entered.push(thread_time()));
    }

    fn on_exit(&self, id: &span::Id, context: Context<'_, S>) {
        let now = thread_time();
        let entered = ENTERED.with_borrow_mut(Vec::pop);
        if let (Some(entered), Some(span)) = (entered, context.span(id)) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(span.name()).or_default() += now - entered;
        }
    }
}

/// Nanoseconds that this thread has run.
fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let busy = Busy::default();
    let ours = filter_fn(|span| span.is_span() && span.target().starts_with("disown"));
    tracing::subscriber::set_global_default(Registry::default().with(Stopwatch(busy.clone()).with_filter(ours)))?;
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new()?;
    let answers = runtime.block_on(ask_in_process(&busy))? as f64;
    let busy = busy.lock().unwrap_or_else(PoisonError::into_inner);
    let of = |name: &str| busy.get(name).map(|sum| *sum as f64 / answers);
    for stage in STAGES {
        match of(stage) {
            Some(time) => report.figure(stage, time, Unit::Nanoseconds),
            None => report.note(format!("no span is named `{stage}`")),
        }
    }
    for name in busy.keys().filter(|name| !STAGES.contains(name)) {
        report.figure(format!("span `{name}`"), of(name).unwrap_or_default(), Unit::Nanoseconds);
    }
    report.note(format!(
        "CPU a query of {CALLERS} callers on the threads that answer, by a broker in the measuring process; one span may lie \
         within another. What SQLite, the sequencer and the transport do on threads and tasks of their own is in no span: see \
         `server's CPU a query` for the whole."
    ));
    Ok(())
}

/// How many were answered while the stopwatch ran.
async fn ask_in_process(busy: &Busy) -> anyhow::Result<usize> {
    let deployment = Deployment::new()?;
    let config = Config::read(&deployment.path("disown.toml"))?;
    let app = App::build(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let (stop, stopped) = oneshot::channel::<()>();
    let (_reload, requests) = watch::channel(0);
    let serving = tokio::spawn(app.run(listener, requests, async {
        let _ = stopped.await;
    }));
    let (deployment, at) = (Arc::new(deployment), address.clone());
    let loading = deployment.clone();
    tokio::task::spawn_blocking(move || loading.populate(&at)).await??;
    let token = deployment.token(&crate::deployment::CLINICIAN)?;
    ask(&address, &token, CALLERS, Duration::from_secs(1)).await?;
    busy.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let asked = ask(&address, &token, CALLERS, LASTING).await?;
    let _ = stop.send(());
    serving.await??;
    Ok(asked.answers.len())
}
