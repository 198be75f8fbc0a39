//! Proofs: arbitrary ones of arbitrary sizes, and the right ones of small trees, whole and altered.
#![no_main]

use disown::access_log::{
    merkle::{Frontier, Hash, NodeId, leaf_hash},
    proof::{Span, consistency, inclusion, verify_consistency, verify_inclusion},
};
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use std::collections::HashMap;

#[derive(Arbitrary, Debug)]
struct Input {
    sizes: [u64; 2],
    hashes: Vec<[u8; 32]>,
    small: [u8; 2],
    altered: (u8, u8),
}

fuzz_target!(|input: Input| {
    arbitrary_proof(&input);
    small_tree(&input);
});

fn arbitrary_proof(Input { sizes: [first, second], hashes, .. }: &Input) {
    let hashes: Vec<Hash> = hashes.iter().copied().map(Hash::from_bytes).collect();
    let [leaf, root, path @ ..] = hashes.as_slice() else { return };
    let included = verify_inclusion(leaf, *first, *second, path, root);
    // To find one would be to find a collision, but for the tree of one leaf and for equal sizes.
    assert!(included.is_err() || (*second == 1 && leaf == root));
    let consistent = verify_consistency(*first, leaf, *second, root, path);
    assert!(consistent.is_err() || (first == second && leaf == root));
    // A hash a level, and one more where an old tree ends on the left of the way.
    for (spans, most) in [(inclusion(*first, *second), 64), (consistency(*first, *second), 65)] {
        assert!(spans.map_or(true, |spans| spans.len() <= most && spans.iter().all(fits)));
    }
    let nodes = Frontier::nodes_of(*first).len();
    assert_eq!(nodes, first.count_ones() as usize);
    assert_eq!(Frontier::at(*first, hashes.clone()).is_ok(), hashes.len() == nodes);
}

fn fits(span: &Span) -> bool {
    (1..=64).contains(&span.nodes().len())
}

fn small_tree(Input { small: [first, second], altered: (which, bit), .. }: &Input) {
    let (first, second) = (u64::from(*first), u64::from(*second));
    let tree = Tree::new(second);
    if let Ok(spans) = inclusion(first, second) {
        let (leaf, mut path, root) = (leaf_hash(&first.to_be_bytes()), tree.fold(&spans), tree.root(second));
        verify_inclusion(&leaf, first, second, &path, &root).unwrap();
        if alter(&mut path, *which, *bit) {
            assert!(verify_inclusion(&leaf, first, second, &path, &root).is_err());
        }
    }
    if let Ok(spans) = consistency(first, second) {
        let (old, mut path, new) = (tree.root(first), tree.fold(&spans), tree.root(second));
        verify_consistency(first, &old, second, &new, &path).unwrap();
        if alter(&mut path, *which, *bit) {
            assert!(verify_consistency(first, &old, second, &new, &path).is_err());
        }
    }
}

/// Flips a bit of one hash, or takes the last one away.
fn alter(path: &mut Vec<Hash>, which: u8, bit: u8) -> bool {
    match path.get_mut(usize::from(which)) {
        Some(hash) => {
            let mut bytes = *hash.as_bytes();
            bytes[usize::from(bit / 8)] ^= 1 << (bit % 8);
            *hash = Hash::from_bytes(bytes);
            true
        }
        None => path.pop().is_some(),
    }
}

/// A tree whose leaves are their numbers, with every node of it.
struct Tree {
    nodes: HashMap<NodeId, Hash>,
    roots: Vec<Hash>,
}

impl Tree {
    fn new(size: u64) -> Self {
        let mut frontier = Frontier::new();
        let (mut nodes, mut roots) = (HashMap::new(), vec![frontier.root()]);
        for position in 0..size {
            let leaf = leaf_hash(&position.to_be_bytes());
            nodes.insert(NodeId { level: 0, position }, leaf);
            nodes.extend(frontier.push(leaf));
            roots.push(frontier.root());
        }
        Self { nodes, roots }
    }

    fn root(&self, size: u64) -> Hash {
        self.roots[size as usize]
    }

    fn fold(&self, spans: &[Span]) -> Vec<Hash> {
        let hashes = |span: &Span| span.nodes().iter().map(|id| self.nodes[id]).collect::<Vec<_>>();
        spans.iter().map(|span| span.fold(&hashes(span)).unwrap()).collect()
    }
}
