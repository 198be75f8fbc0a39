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

/// Places of subjects, another one each time, in an order that no cache foresees: xorshift, for each caller from elsewhere.
pub fn in_no_order(caller: usize) -> impl Iterator<Item = usize> {
    let mut state = (caller as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as usize
    })
}
