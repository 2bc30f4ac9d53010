//! Groups of a step's acts: those of one happen at one time, and the next begins when they are done.

use lbgen::rollout::SingleAct;

/// Nodes do these at one time: none of them depends on another node.
const AT_ONCE: &[&str] =
    &["verify", "fresh", "copy", "config_test", "give_up", "release", "restorable"];

/// Acts that happen at one time.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    /// The step.
    pub step: &'a str,
    /// The run of it.
    pub run: &'a str,
    /// The acts that come before them in the step.
    before: usize,
    /// The acts.
    pub acts: &'a [SingleAct],
}

impl<'a> Group<'a> {
    /// Those of a step, in their order.
    pub fn all(step: &'a str, run: &'a str, acts: &'a [SingleAct]) -> Vec<Self> {
        let alike = |a: &SingleAct, b: &SingleAct| {
            a.group == b.group || a.does == b.does && AT_ONCE.contains(&a.does.as_str())
        };
        let split = |acts: &'a [SingleAct]| -> Vec<&'a [SingleAct]> {
            match acts[0].does.as_str() {
                _ if acts.iter().any(|act| act.together) => vec![acts],
                does if AT_ONCE.contains(&does) => vec![acts],
                // Of two rollouts that begin at one moment the first node decides.
                "claim" => vec![&acts[..1], &acts[1..]],
                _ => acts.chunks(1).collect(),
            }
        };
        let mut before = 0;
        let groups = acts.chunk_by(alike).flat_map(split).filter(|acts| !acts.is_empty());
        let numbered = groups.map(|acts| {
            let group = Self { step, run, before, acts };
            before += acts.len();
            group
        });
        numbered.collect()
    }

    /// The acts, each with its place in the step.
    pub fn placed(&self) -> impl Iterator<Item = (u32, &'a SingleAct)> {
        (self.before as u32..).zip(self.acts)
    }

    /// Returns true if it has the act of a place.
    pub fn has(&self, place: u32) -> bool {
        self.placed().any(|(known, _)| known == place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(on: &str, does: &str, group: usize, together: bool) -> SingleAct {
        let (on, does) = (on.to_owned(), does.to_owned());
        SingleAct { on, does, args: Vec::new(), together, group }
    }

    #[test]
    fn acts_happen_at_one_time_or_one_after_the_other() {
        let acts = [
            act("a", "verify", 0, false),
            act("b", "verify", 1, false),
            act("a", "claim", 2, false),
            act("b", "claim", 2, false),
            act("c", "claim", 2, false),
            act("a", "reload", 3, true),
            act("b", "reload", 3, true),
            act("a", "install", 4, false),
            act("b", "install", 4, false),
            act("cluster", "apply", 5, false),
        ];
        let groups = Group::all("s", "r", &acts);
        let places = |group: &Group<'_>| group.placed().map(|(place, _)| place).collect();
        let found: Vec<Vec<u32>> = groups.iter().map(places).collect();
        let expected =
            [vec![0, 1], vec![2], vec![3, 4], vec![5, 6], vec![7], vec![8], vec![9]].to_vec();
        assert_eq!(found, expected);
        assert!(groups[2].has(4) && !groups[2].has(5));
    }
}
