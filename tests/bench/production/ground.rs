//! What contenders share.

use crate::{cluster::Cluster, merged};
use anyhow::anyhow;
use std::{cell::OnceCell, rc::Rc};

#[derive(Default)]
pub struct Ground {
    merged: OnceCell<Result<Rc<Cluster>, String>>,
}

impl Ground {
    /// The merged database, made when first asked for. Where that fails, it fails for all alike.
    pub fn merged(&self) -> anyhow::Result<Rc<Cluster>> {
        let make = || merged::make().map(Rc::new).map_err(|why| format!("{why:#}"));
        self.merged.get_or_init(make).clone().map_err(|why| anyhow!(why))
    }
}
