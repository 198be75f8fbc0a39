//! Places: how many connections there are, of everybody and of one client.

use crate::{config::Limits, identity::Thumbprint};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

/// Whose connections are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Client {
    Certificate(Thumbprint),
    Address(IpAddr),
}

impl Client {
    /// By its certificate, and without one by its address. A household's IPv6 addresses are one.
    pub(super) fn of(certificate: Option<Thumbprint>, address: IpAddr) -> Self {
        match (certificate, address.to_canonical()) {
            (Some(certificate), _) => Self::Certificate(certificate),
            (None, IpAddr::V6(address)) => {
                Self::Address(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into())
            }
            (None, address) => Self::Address(address),
        }
    }
}

pub(super) struct Places {
    in_all: usize,
    per_client: u32,
    taken: Mutex<HashMap<Client, u32>>,
}

/// A place is free again when this is gone.
pub(super) struct Place {
    client: Client,
    places: Arc<Places>,
}

impl Places {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            in_all: limits.connections.get() as usize,
            per_client: limits.connections_per_client.get(),
            taken: Mutex::default(),
        }
    }

    /// None: there are enough already.
    pub(super) fn take(self: &Arc<Self>, client: Client) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let in_all: usize = taken.values().map(|of_one| *of_one as usize).sum();
        let of_this = taken.get(&client).copied().unwrap_or_default();
        if in_all >= self.in_all || of_this >= self.per_client {
            return None;
        }
        taken.insert(client, of_this + 1);
        Some(Place { client, places: self.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        match taken.get_mut(&self.client) {
            Some(of_this) if *of_this > 1 => *of_this -= 1,
            _ => drop(taken.remove(&self.client)),
        }
    }
}
