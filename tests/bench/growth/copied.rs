//! Rows as `COPY ... (FORMAT binary)` takes them.

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

pub struct Rows(Vec<u8>);

impl Default for Rows {
    fn default() -> Self {
        // Neither flags nor an extension of the header.
        Self([SIGNATURE, &[0; 8]].concat())
    }
}

impl Rows {
    /// A row of so many columns, each of which follows.
    pub fn row(&mut self, columns: i16) -> &mut Self {
        self.0.extend_from_slice(&columns.to_be_bytes());
        self
    }

    pub fn number(&mut self, number: u64) -> &mut Self {
        self.bytes(&number.to_be_bytes())
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    /// All of it.
    pub fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&(-1_i16).to_be_bytes());
        self.0
    }
}
