//! Where the rows of a load wait until all of them are there: a file without a name, sealed under a key that nobody else has and that
//! goes with the load. Whatever becomes of the broker, nothing of it can be found or read afterwards.

use crate::{
    entropy::{Entropy, NoEntropy},
    pseudonym::cipher::{Cipher, NONCE, Refused},
};
use std::{fs::File, io, os::unix::fs::FileExt, path::PathBuf, sync::Arc};
use zeroize::Zeroizing;

/// So much is gathered before it is written.
const PIECE: usize = 1024 * 1024;

/// A spool.
pub(super) struct Spool {
    cipher: Cipher,
    file: Arc<File>,
    /// Bytes in the file.
    written: u64,
    /// What comes after them.
    piece: Vec<u8>,
}

/// Where something is in its spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    at: u64,
    length: usize,
}

/// Something cannot be kept, or not be given back.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpoolError {
    /// The file.
    #[error("the rows of a load cannot be kept until it is whole: {0}")]
    Io(#[from] io::Error),
    /// The key.
    #[error(transparent)]
    NoEntropy(#[from] NoEntropy),
    /// It was altered, or it is too long.
    #[error("the rows of a load cannot be sealed, or are not those that were kept")]
    Refused,
}

impl Spool {
    /// An empty one, in that folder.
    pub(super) async fn new(folder: PathBuf, entropy: &dyn Entropy) -> Result<Self, SpoolError> {
        let cipher = Cipher::new(&Zeroizing::new(entropy.bytes()?));
        let file = blocking(move || tempfile::tempfile_in(folder)).await?;
        Ok(Self { cipher, file: Arc::new(file), written: 0, piece: Vec::new() })
    }

    /// Bytes that it takes.
    pub(super) fn size(&self) -> u64 {
        self.written + self.piece.len() as u64
    }

    /// Keeps something.
    pub(super) async fn keep(&mut self, plain: &[u8]) -> Result<Place, SpoolError> {
        let at = self.size();
        let sealed = self.cipher.seal(nonce(at), &[], plain)?;
        self.piece.extend_from_slice(&sealed);
        if self.piece.len() >= PIECE {
            self.write().await?;
        }
        Ok(Place { at, length: sealed.len() })
    }

    /// Gives back what is at these places, in their order.
    pub(super) async fn take(&mut self, places: Vec<Place>) -> Result<Vec<Zeroizing<Vec<u8>>>, SpoolError> {
        self.write().await?;
        let file = self.file.clone();
        let read = move |place: &Place| {
            let mut sealed = vec![0; place.length];
            file.read_exact_at(&mut sealed, place.at).map(|()| (place.at, sealed))
        };
        let sealed = blocking(move || places.iter().map(read).collect::<io::Result<Vec<_>>>()).await?;
        sealed.into_iter().map(|(at, sealed)| Ok(self.cipher.open(nonce(at), &[], &sealed)?)).collect()
    }

    async fn write(&mut self) -> Result<(), SpoolError> {
        let (file, at, piece) = (self.file.clone(), self.written, std::mem::take(&mut self.piece));
        self.written += piece.len() as u64;
        Ok(blocking(move || file.write_all_at(&piece, at)).await?)
    }
}

impl Place {
    /// Bytes that are kept there.
    pub(super) fn length(self) -> usize {
        self.length
    }
}

impl From<Refused> for SpoolError {
    fn from(_: Refused) -> Self {
        SpoolError::Refused
    }
}

/// Nothing is kept twice at one place, so that no nonce repeats.
fn nonce(at: u64) -> [u8; NONCE] {
    let mut nonce = [0; NONCE];
    nonce[NONCE - 8..].copy_from_slice(&at.to_be_bytes());
    nonce
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[tokio::test]
    async fn what_is_kept_comes_back_from_its_place_and_cannot_be_read_in_the_file() {
        let mut spool = Spool::new(std::env::temp_dir(), &SeededEntropy::new(1)).await.unwrap();
        let rows: Vec<Vec<u8>> = (0..3_000_u32).map(|row| format!("JY000001A {row}").repeat(50).into_bytes()).collect();
        let mut places = Vec::new();
        for row in &rows {
            places.push(spool.keep(row).await.unwrap());
        }
        let backwards = spool.take(places.iter().rev().copied().collect()).await.unwrap();
        assert!(backwards.iter().rev().zip(&rows).all(|(back, row)| back.as_slice() == row.as_slice()));
        let mut file = vec![0; usize::try_from(spool.size()).unwrap()];
        spool.file.read_exact_at(&mut file, 0).unwrap();
        assert!(!file.windows(9).any(|window| window == b"JY000001A"));
        // Altered, or from another place, it is not given back.
        file[5] ^= 1;
        spool.file.write_all_at(&file, 0).unwrap();
        assert!(matches!(spool.take(places[..1].to_vec()).await, Err(SpoolError::Refused)));
        let moved = Place { at: places[1].at, length: places[2].length + 1 };
        assert!(matches!(spool.take(vec![moved]).await, Err(SpoolError::Refused)));
    }
}
