//! Two servers of PostgreSQL: one takes writes, the other follows it, and no commit returns before both have it.

use super::{
    Node,
    servers::{Servers, superuser},
};
use sqlx::postgres::PgConnectOptions;
use std::sync::atomic::{AtomicUsize, Ordering};

pub struct Pair {
    nodes: [Node; 2],
    primary: AtomicUsize,
}

impl Pair {
    /// Starts both, the second as a synchronous standby of the first.
    pub fn start() -> Self {
        let pair = Self { nodes: [Node::start_new(), Node::nothing()], primary: AtomicUsize::new(0) };
        pair.rebuild();
        pair
    }

    /// The one that takes writes.
    pub fn primary(&self) -> &Node {
        &self.nodes[self.primary.load(Ordering::Relaxed)]
    }

    /// The other one.
    pub fn standby(&self) -> &Node {
        &self.nodes[1 - self.primary.load(Ordering::Relaxed)]
    }

    /// The primary is lost, and the standby takes writes. As whoever runs such a pair does (Patroni, say), it commits alone until there
    /// is a standby again.
    pub fn fail_over(&self) {
        self.primary().kill();
        self.standby().promote();
        self.primary.fetch_xor(1, Ordering::Relaxed);
        self.commit_with("");
    }

    /// Makes a standby anew of what was lost; from then on both have what is committed.
    pub fn rebuild(&self) {
        self.standby().follow(self.primary());
        self.commit_with("standby");
        let state = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        self.primary().until("replicate", || self.primary().psql(state) == "1");
    }

    /// Which standbys a commit waits for.
    pub fn commit_with(&self, standbys: &str) {
        self.primary().psql(&format!("ALTER SYSTEM SET synchronous_standby_names = '{standbys}'"));
        self.primary().psql("SELECT pg_reload_conf()");
        let told = "SHOW synchronous_standby_names";
        self.primary().until("reload", || self.primary().psql(told) == standbys);
    }
}

impl Servers for Pair {
    fn hosts(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.folder().display().to_string()).collect()
    }

    fn admin(&self) -> PgConnectOptions {
        superuser(self.primary().folder())
    }
}
