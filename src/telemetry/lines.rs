//! Lines to standard error and standard output of a broker. Whoever has a line to say never waits for whoever reads it: what waits is
//! bounded, a thread of its own writes it, and what does not fit or cannot be written is dropped, counted, and told as soon as lines
//! can be written again.
//!
//! Why not `tracing-appender`: it does not tell of what it drops, and where its queue is full its end prints to standard output.

use serde_json::json;
use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};
use tracing_subscriber::fmt::{
    MakeWriter,
    format::Writer,
    time::{FormatTime, SystemTime},
};

/// So many lines wait at most.
const WAITING: usize = 1024;
/// What is dropped is told at most so often.
const TOLD_EVERY: Duration = Duration::from_secs(1);
/// Where an output says that it takes nothing now, it is asked again after this.
const AGAIN: Duration = Duration::from_millis(20);

/// Where lines go. Copies of it share one queue.
#[derive(Debug, Clone)]
pub struct Lines {
    queue: SyncSender<Part>,
    dropped: Arc<Dropped>,
}

/// What waits to be written.
#[derive(Debug)]
enum Part {
    /// A line, with its end.
    Line(Vec<u8>),
    /// Somebody waits until everything before is written.
    Flush(SyncSender<()>),
}

/// How many lines were dropped.
#[derive(Debug, Default)]
struct Dropped {
    all: AtomicU64,
    untold: AtomicU64,
}

/// The thread that writes.
struct Written {
    output: File,
    dropped: Arc<Dropped>,
    /// The last line was cut off.
    cut: bool,
    told: Option<Instant>,
}

impl Lines {
    /// Lines to standard error or standard output. The lock of the standard library is not taken: it would be held for as long as
    /// nobody reads.
    pub fn to(output: impl AsFd) -> io::Result<Self> {
        let output = File::from(output.as_fd().try_clone_to_owned()?);
        let (queue, parts) = sync_channel(WAITING);
        let dropped = Arc::<Dropped>::default();
        let written = Written { output, dropped: dropped.clone(), cut: false, told: None };
        thread::Builder::new().name("lines".to_owned()).spawn(move || written.run(&parts))?;
        Ok(Self { queue, dropped })
    }

    /// Says a line.
    pub fn say(&self, text: &str) {
        self.take(format!("{text}\n").into_bytes());
    }

    /// How many lines were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.all.load(Ordering::Relaxed)
    }

    /// Waits until what was taken is written, for so long at most where that is said.
    pub fn flush(&self, within: Option<Duration>) {
        let (done, written) = sync_channel(1);
        let Some(within) = within else {
            if self.queue.send(Part::Flush(done)).is_ok() {
                let _ = written.recv();
            }
            return;
        };
        let began = Instant::now();
        let mut part = Part::Flush(done);
        loop {
            match self.queue.try_send(part) {
                Ok(()) => break,
                Err(TrySendError::Full(again)) if began.elapsed() < within => part = again,
                Err(_) => return,
            }
            thread::sleep(AGAIN);
        }
        let _ = written.recv_timeout(within.saturating_sub(began.elapsed()));
    }

    fn take(&self, line: Vec<u8>) {
        if self.queue.try_send(Part::Line(line)).is_err() {
            self.dropped.add();
        }
    }
}

/// Telemetry formats a whole line before it writes it, at once.
impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.take(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Lines;

    fn make_writer(&'a self) -> &'a Lines {
        self
    }
}

impl Dropped {
    fn add(&self) {
        self.all.fetch_add(1, Ordering::Relaxed);
        self.untold.fetch_add(1, Ordering::Relaxed);
    }
}

impl Written {
    /// Until nobody has anything to say any more.
    fn run(mut self, parts: &Receiver<Part>) {
        loop {
            let waits = if self.dropped.untold.load(Ordering::Relaxed) > 0 { TOLD_EVERY } else { Duration::MAX };
            match parts.recv_timeout(waits) {
                Ok(Part::Line(line)) => match self.write(&line) {
                    Ok(()) if self.told.is_none_or(|last| last.elapsed() >= TOLD_EVERY) => self.tell(),
                    Ok(()) => {}
                    Err(_) => self.dropped.add(),
                },
                Ok(Part::Flush(done)) => {
                    self.tell();
                    let _ = done.send(());
                }
                Err(RecvTimeoutError::Timeout) => self.tell(),
                Err(RecvTimeoutError::Disconnected) => return self.tell(),
            }
        }
    }

    /// Tells how much was dropped, in the form of the other lines and at the level of what must not be missed.
    fn tell(&mut self) {
        let lost = self.dropped.untold.swap(0, Ordering::Relaxed);
        if lost == 0 {
            return;
        }
        self.told = Some(Instant::now());
        let mut timestamp = String::new();
        // Without its time it is still worth telling.
        let _ = SystemTime.format_time(&mut Writer::new(&mut timestamp));
        let message = "lines of telemetry were dropped: nobody read them in time, or they could not be written";
        let line = json!({
            "timestamp": timestamp, "level": "ERROR", "message": message, "lost": lost, "target": module_path!(),
        });
        if self.write(format!("{line}\n").as_bytes()).is_err() {
            self.dropped.untold.fetch_add(lost, Ordering::Relaxed);
        }
    }

    /// Writes a line, however long that takes.
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.cut {
            self.write_all(b"\n")?;
            self.cut = false;
        }
        self.write_all(line)
    }

    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        let mut rest = line;
        while !rest.is_empty() {
            match self.output.write(rest) {
                Ok(written) if written > 0 => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Whoever shares it may have made it one that does not wait.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(AGAIN),
                failed => {
                    self.cut |= rest.len() < line.len();
                    return failed.and(Err(io::ErrorKind::WriteZero.into()));
                }
            }
        }
        Ok(())
    }
}
