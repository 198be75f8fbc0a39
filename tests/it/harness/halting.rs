//! Keeps a request waiting between two of its stages. Each stage is a span of its name: the thread on which such a span begins can be
//! kept, while the others go on.

use std::sync::{Arc, Mutex, mpsc};
use tokio::{runtime::Runtime, sync::oneshot, task::block_in_place};
use tracing::{
    Dispatch, Event, Metadata, Subscriber, dispatcher,
    span::{Attributes, Id, Record},
};

/// Where the threads of a runtime can be kept.
#[derive(Clone, Default)]
pub struct Halts(Arc<Mutex<Option<Armed>>>);

struct Armed {
    stage: &'static str,
    reached: oneshot::Sender<()>,
    go_on: mpsc::Receiver<()>,
}

/// Somebody is to be kept, or is. Whoever is kept goes on when this is dropped.
pub struct Halted {
    pub reached: oneshot::Receiver<()>,
    _go_on: mpsc::Sender<()>,
}

impl Halts {
    /// A runtime whose threads, and no others, can be kept.
    pub fn runtime() -> (Runtime, Self) {
        let halts = Self::default();
        let dispatch = Dispatch::new(halts.clone());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            // For as long as the thread lives.
            .on_thread_start(move || std::mem::forget(dispatcher::set_default(&dispatch)))
            .build();
        (runtime.unwrap(), halts)
    }

    /// The next one that comes to the beginning of a stage is kept there.
    pub fn before(&self, stage: &'static str) -> Halted {
        let (reached, is_reached) = oneshot::channel();
        let (go_on, goes_on) = mpsc::channel();
        *self.0.lock().unwrap() = Some(Armed { stage, reached, go_on: goes_on });
        Halted { reached: is_reached, _go_on: go_on }
    }
}

impl Subscriber for Halts {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("disown")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let armed = self.0.lock().unwrap().take_if(|armed| armed.stage == span.metadata().name());
        if let Some(Armed { reached, go_on, .. }) = armed {
            // Another thread takes over what this one had to do: whoever makes the change needs the sockets and the access log.
            block_in_place(|| {
                let _ = reached.send(());
                let _ = go_on.recv();
            });
        }
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
