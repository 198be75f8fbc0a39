//! Who can be asked about.

/// So many subjects, whose numbers follow one another.
#[derive(Clone, Copy)]
pub struct Subjects {
    pub first: usize,
    pub count: usize,
}

/// Numbers of six digits; their letter comes after each million.
const NUMBERS: usize = 1_000_000;
const LETTERS: [char; 4] = ['A', 'B', 'C', 'D'];

impl Subjects {
    /// There are no more numbers than these.
    pub const MOST: usize = NUMBERS * LETTERS.len();

    /// The identifier of one of them.
    pub fn identifier(&self, at: usize) -> String {
        let number = (self.first + at % self.count) % Self::MOST;
        format!("JY{:06}{}", number % NUMBERS, LETTERS[number / NUMBERS])
    }
}
