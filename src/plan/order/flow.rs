//! Flows of least cost through a network whose arcs get dearer with each unit (successive shortest paths; Ahuja,
//! Magnanti and Orlin, Network Flows, 9.7 and 14).

/// A cost in several measures: a lesser one of an earlier measure outweighs everything after it.
pub type Cost = [i64; 10];

/// An arc, and the units that flow over it.
pub struct Arc {
    from: usize,
    to: usize,
    /// The units that flow, among them `fixed` ones that never leave it.
    pub flow: usize,
    fixed: usize,
    toll: Box<dyn Fn(usize) -> Cost>,
}

/// An arc that gets a unit more (true) or a unit less.
type Step = (usize, bool);

/// Points, and the arcs between them.
#[derive(Default)]
pub struct Network {
    arcs: Vec<Arc>,
    /// By point: the arcs that begin or end there.
    at: Vec<Vec<usize>>,
}

impl Network {
    /// A new point.
    pub fn point(&mut self) -> usize {
        self.at.push(Vec::new());
        self.at.len() - 1
    }

    /// A new arc over which `fixed` units flow already. `toll` is the cost of its first unit, its second, and so on;
    /// it never falls.
    pub fn arc(
        &mut self,
        (from, to): (usize, usize),
        fixed: usize,
        toll: impl Fn(usize) -> Cost + 'static,
    ) -> usize {
        let arc = self.arcs.len();
        self.arcs.push(Arc { from, to, flow: fixed, fixed, toll: Box::new(toll) });
        self.at[from].push(arc);
        self.at[to].push(arc);
        arc
    }

    /// The units over an arc.
    pub fn flow(&self, arc: usize) -> usize {
        self.arcs[arc].flow
    }

    /// Sends one more unit at the least cost, for which units that flow may take another way.
    pub fn send(&mut self, from: usize, to: usize) {
        for (arc, is_forward) in self.cheapest(from, to) {
            match is_forward {
                true => self.arcs[arc].flow += 1,
                false => self.arcs[arc].flow -= 1,
            }
        }
    }

    /// The cheapest way, as arcs that get a unit more or a unit less.
    fn cheapest(&self, from: usize, to: usize) -> Vec<Step> {
        // The cost of a point, and the step that leads there.
        let mut best: Vec<Option<(Cost, Option<Step>)>> = vec![None; self.at.len()];
        best[from] = Some((Cost::default(), None));
        let mut open = std::collections::VecDeque::from([from]);
        while let Some(point) = open.pop_front() {
            let Some((cost, _)) = best[point] else { continue };
            for arc in &self.at[point] {
                let Some((next, step)) = self.arcs[*arc].step_from(point) else { continue };
                let is_forward = self.arcs[*arc].from == point;
                let cost = sum(cost, step);
                if best[next].is_none_or(|(known, _)| cost < known) {
                    best[next] = Some((cost, Some((*arc, is_forward))));
                    if !open.contains(&next) {
                        open.push_back(next);
                    }
                }
            }
        }
        let mut way = Vec::new();
        let mut point = to;
        while let Some((_, Some((arc, is_forward)))) = best[point] {
            way.push((arc, is_forward));
            point = if is_forward { self.arcs[arc].from } else { self.arcs[arc].to };
        }
        way
    }
}

impl Arc {
    /// The other end, and the cost of a unit more (along the arc) or of a unit less (against it).
    fn step_from(&self, point: usize) -> Option<(usize, Cost)> {
        if point == self.from {
            return Some((self.to, (self.toll)(self.flow + 1)));
        }
        (self.flow > self.fixed).then(|| (self.from, (self.toll)(self.flow).map(|cost| -cost)))
    }
}

fn sum(mut a: Cost, b: Cost) -> Cost {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Units go where the next one costs least, and make room for one that has no other way.
    #[test]
    fn a_unit_takes_another_way_for_one_that_has_no_choice() {
        let mut network = Network::default();
        let [any, only, left, right, end] = std::array::from_fn(|_| network.point());
        let dear = |units: usize| {
            let mut cost = Cost::default();
            cost[0] = units as i64;
            cost
        };
        let free = |_| Cost::default();
        network.arc((any, left), 0, free);
        network.arc((any, right), 0, free);
        network.arc((only, left), 0, free);
        let over_left = network.arc((left, end), 0, dear);
        let over_right = network.arc((right, end), 0, dear);
        network.send(any, end);
        assert_eq!((network.flow(over_left), network.flow(over_right)), (1, 0));
        network.send(only, end);
        assert_eq!((network.flow(over_left), network.flow(over_right)), (1, 1));
    }
}
