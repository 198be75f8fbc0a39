//! A deployment of the broker on a cluster, with TLS.

use super::cluster::Cluster;
use anyhow::ensure;
use disown::{
    clock::{Clock, SystemClock},
    deployment::{Layout, lay_out},
    entropy::SystemEntropy,
    identity::DevelopmentIssuer,
};
use jiff::tz::TimeZone;
use rcgen::{CertificateParams, KeyPair};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

pub struct LaidOut {
    folder: TempDir,
    issuer: DevelopmentIssuer,
}

impl LaidOut {
    pub fn new(cluster: &Cluster) -> anyhow::Result<Self> {
        let folder =
            tempfile::Builder::new().prefix("disown-bench-").tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR")))?;
        let layout = Layout {
            directory: folder.path().to_owned(),
            listen: "127.0.0.1:0".parse()?,
            log_name: "disown.example/measured".to_owned(),
            development: true,
            postgres: vec![],
        };
        lay_out(&layout, SystemClock.now().to_zoned(TimeZone::get("Europe/Jersey")?).date(), &SystemEntropy)?;
        super::limits::raise(&folder.path().join("policies"))?;
        let issuer = DevelopmentIssuer::from_pem(&fs::read_to_string(folder.path().join("development-issuer.pem"))?)?;
        let laid_out = Self { folder, issuer };
        laid_out.certify()?;
        laid_out.edit("plaintext = true", "tls = { certificate = \"chain.pem\", key = \"key.pem\" }")?;
        let hosts = format!("[postgres]\nhosts = [\"{}\"]\n\n[answers]", cluster.sockets().display());
        laid_out.edit("[answers]", &hosts)?;
        Ok(laid_out)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn token(&self, caller: &str, organisation: &str, role: &str) -> anyhow::Result<String> {
        let token = self.issuer.token(caller, organisation, &[role], "disown", &SystemClock, &SystemEntropy);
        token.map_err(|_| anyhow::anyhow!("no token"))
    }

    fn edit(&self, from: &str, to: &str) -> anyhow::Result<()> {
        let text = fs::read_to_string(self.path("disown.toml"))?;
        ensure!(text.contains(from), "disown.toml has no `{from}`");
        Ok(fs::write(self.path("disown.toml"), text.replacen(from, to, 1))?)
    }

    /// A certificate that signs itself is its own authority.
    fn certify(&self) -> anyhow::Result<()> {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
        fs::write(self.path("chain.pem"), certificate.pem())?;
        fs::write(self.path("authority.pem"), certificate.pem())?;
        Ok(fs::write(self.path("key.pem"), key.serialize_pem())?)
    }
}
