//! A line between a broker and its server, which a test cuts where it likes, or slows down.

use super::servers::Servers;
use sqlx::postgres::PgConnectOptions;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    time::sleep,
};

/// Where the line is cut, once: the connection is reset there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// After so many bytes that the server sends, over all connections.
    AfterBytes(usize),
    /// Before the next thing that the role says reaches the server.
    BeforeServer(&'static str),
    /// Before the server's answer to the next thing that the role says: it has done what it was asked.
    BeforeAnswer(&'static str),
}

pub struct Proxy {
    address: SocketAddr,
    behind: Arc<dyn Servers>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    cut: Mutex<Option<Cut>>,
    delay: Mutex<Duration>,
}

impl Proxy {
    /// A line to the server.
    pub async fn to(behind: Arc<dyn Servers>) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = format!("{}/.s.PGSQL.5432", behind.hosts()[0]);
        let proxy = Arc::new(Self { address: listener.local_addr().unwrap(), behind, state: Arc::default() });
        let state = proxy.state.clone();
        tokio::spawn(async move {
            while let Ok((broker, _)) = listener.accept().await {
                let (state, server) = (state.clone(), UnixStream::connect(&socket).await.unwrap());
                broker.set_nodelay(true).unwrap();
                tokio::spawn(async move { carry(broker, server, &state).await });
            }
        });
        proxy
    }

    /// From now on.
    pub fn cut(&self, cut: Cut) {
        *self.state.cut.lock().unwrap() = Some(cut);
    }

    /// Whether a cut was made; one that was not is not made any more.
    pub fn was_cut(&self) -> bool {
        self.state.cut.lock().unwrap().take().is_none()
    }

    /// Whatever the server sends takes so long from now on.
    pub fn delay(&self, by: Duration) {
        *self.state.delay.lock().unwrap() = by;
    }
}

impl Servers for Proxy {
    fn hosts(&self) -> Vec<String> {
        vec![self.address.to_string()]
    }

    /// Past the line.
    fn admin(&self) -> PgConnectOptions {
        self.behind.admin()
    }
}

/// Whatever remains of a connection is reset, not ended in order.
async fn carry(mut broker: TcpStream, mut server: UnixStream, state: &State) {
    broker.set_zero_linger().unwrap();
    let (mut said, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut role = None;
    loop {
        tokio::select! {
            read = broker.read(&mut said) => {
                let Ok(length @ 1..) = read else { return };
                let role = *role.get_or_insert_with(|| role_of(&said[..length]));
                if state.take(|cut| cut == Cut::BeforeServer(role)) || server.write_all(&said[..length]).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                let delay = *state.delay.lock().unwrap();
                sleep(delay).await;
                if state.take(|cut| Some(cut) == role.map(Cut::BeforeAnswer)) {
                    return;
                }
                let (through, cut) = state.through(length);
                if broker.write_all(&answered[..through]).await.is_err() || cut {
                    return;
                }
            }
        }
    }
}

impl State {
    /// Whether the cut that is wanted is this one; it is made once.
    fn take(&self, wanted: impl Fn(Cut) -> bool) -> bool {
        self.cut.lock().unwrap().take_if(|cut| wanted(*cut)).is_some()
    }

    /// How many of so many bytes come through, and whether the line is cut after them.
    fn through(&self, length: usize) -> (usize, bool) {
        let mut cut = self.cut.lock().unwrap();
        match &mut *cut {
            Some(Cut::AfterBytes(left)) if *left < length => {
                let through = *left;
                *cut = None;
                (through, true)
            }
            Some(Cut::AfterBytes(left)) => {
                *left -= length;
                (length, false)
            }
            _ => (length, false),
        }
    }
}

/// By the first message of a connection. The log is the only one that is asked for by name.
fn role_of(startup: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(startup);
    ["disown_appender", "disown_reader"].into_iter().find(|role| text.contains(role)).unwrap_or("a dataset's")
}
