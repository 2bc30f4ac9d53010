//! Acts of several nodes at one moment, and handovers from some to others.

use lbgen::rollout::SingleAct;

use super::group::Group;
use super::nodes::Request;
use super::steps::Agents;
use crate::api::{Desired, Moment, Progress};

/// The seconds that a first half waits for the word that it stays, besides what the second takes: an operator may die, and another
/// one takes over in less.
const PATIENCE: u32 = 60;
/// The seconds that a start of keepalived may take, in a pod for example.
const START: u32 = 200;

/// A node, and what it gets ready for.
type Held<'a> = (&'a str, Desired);
/// The requests of the two halves of a moment.
type Halves<'a> = (Vec<Request<'a>>, Vec<Request<'a>>);

impl Agents {
    /// Several nodes at one moment: every one is ready before the first of them acts. After a `wait` another half follows; where that
    /// does not happen, the first is taken back.
    pub(super) fn moment(&self, group: &Group<'_>) -> Result<(), String> {
        let placed: Vec<(u32, &SingleAct)> = group.placed().collect();
        let wait = placed.iter().position(|(_, act)| act.does == "wait");
        let (first, rest) = placed.split_at(wait.unwrap_or(placed.len()));
        let second = rest.get(1..).unwrap_or_default();
        let pause: f64 =
            rest.first().and_then(|(_, wait)| wait.args.first()?.parse().ok()).unwrap_or(0.0);
        // A first half waits for the second, which a daemon that starts anew may delay.
        let is_slow =
            second.iter().any(|(_, act)| matches!(act.does.as_str(), "restart" | "start"));
        let patience = PATIENCE + pause.ceil() as u32 + if is_slow { START } else { 0 };
        let held = |(place, act): (u32, &SingleAct), opposite: Option<&str>, delay: f64| {
            let opposite = opposite.map(str::to_owned);
            let delay = (delay * 1000.0).round() as u32;
            let desired = self.desired(group, place, act)?;
            Ok::<_, String>(Desired { moment: Moment::Hold, opposite, delay, patience, ..desired })
        };
        let opposite = |act: &SingleAct| opposite(&act.does).filter(|_| !second.is_empty());
        let ones = first
            .iter()
            .map(|(place, act)| Ok((act.on.as_str(), held((*place, act), opposite(act), 0.0)?)));
        let others = second
            .iter()
            .map(|(place, act)| Ok((act.on.as_str(), held((*place, act), None, pause)?)));
        let ones = ones.collect::<Result<Vec<_>, String>>()?;
        let others = others.collect::<Result<Vec<_>, String>>()?;
        let (mut ones, mut others) = match self.begun(&ones, &others) {
            Some(begun) => begun,
            None => self.hold(ones, others)?,
        };
        // The second half waits by itself. It hears the word first: an operator that dies between the two leaves VIPs without a
        // holder for a while, and none with two.
        say_all(&mut others, Moment::Go)?;
        say_all(&mut ones, Moment::Go)?;
        if second.is_empty() {
            return end(&mut ones, Progress::Done);
        }
        if let Err(why) = end(&mut others, Progress::Acted) {
            say_all(&mut ones, Moment::TakeBack)?;
            // Its own error is that it was taken back.
            let _ = end(&mut ones, Progress::Done);
            return Err(format!(
                "the second half of the handover failed; the first is taken back: {why}"
            ));
        }
        say_all(&mut ones, Moment::Stays)?;
        end(&mut others, Progress::Done).and(end(&mut ones, Progress::Done))
    }

    /// A moment that an operator before this one has begun: some nodes have heard the word. The others hear it now.
    fn begun(&self, ones: &[Held<'_>], others: &[Held<'_>]) -> Option<Halves<'_>> {
        let adopt = |half: &[Held<'_>]| -> Option<Vec<Request<'_>>> {
            half.iter().map(|(node, desired)| self.nodes.adopt(node, desired)).collect()
        };
        let (ones, others) = (adopt(ones)?, adopt(others)?);
        let moments = || ones.iter().chain(&others).map(Request::moment);
        let is_begun = moments().any(|moment| matches!(moment, Moment::Go | Moment::Stays))
            && !moments().any(|moment| moment == Moment::TakeBack);
        is_begun.then_some((ones, others))
    }

    /// Waits until every node is ready; if one is not, none of them does anything.
    fn hold(&self, ones: Vec<Held<'_>>, others: Vec<Held<'_>>) -> Result<Halves<'_>, String> {
        let mut halves = (Vec::new(), Vec::new());
        let ready: Result<(), String> = (|| {
            for (node, desired) in ones {
                halves.0.push(self.nodes.tell_once(node, desired)?);
            }
            for (node, desired) in others {
                halves.1.push(self.nodes.tell_once(node, desired)?);
            }
            loop {
                let mut all = halves.0.iter_mut().chain(&mut halves.1);
                all.try_for_each(|request| request.wait(Progress::Ready, &|| self.is_stopped()))?;
                // Those that were ready first are so still: an agent may have been started anew.
                if halves.0.iter().chain(&halves.1).all(Request::is_ready) {
                    return Ok(());
                }
            }
        })();
        match ready {
            Ok(()) => Ok(halves),
            Err(why) => {
                for request in halves.0.iter_mut().chain(&mut halves.1) {
                    request.word(Moment::TakeBack)?;
                }
                Err(format!("{why}; nothing was changed"))
            }
        }
    }
}

/// As in the script: what else happens in a first half takes nothing back.
fn opposite(act: &str) -> Option<&'static str> {
    match act {
        "undrain" => Some("drain"),
        "start" => Some("stop"),
        _ => None,
    }
}

/// All of them at one moment.
fn say_all(requests: &mut [Request<'_>], moment: Moment) -> Result<(), String> {
    std::thread::scope(|scope| {
        // Whoever was told more already is left alone.
        let later =
            |request: &&mut Request<'_>| moment != Moment::Go || request.moment() == Moment::Hold;
        let said: Vec<_> = requests
            .iter_mut()
            .filter(later)
            .map(|request| scope.spawn(move || request.word(moment)))
            .collect();
        let said = said
            .into_iter()
            .map(|said| said.join().unwrap_or_else(|_| Err("a thread has ended".to_owned())));
        said.collect::<Vec<_>>().into_iter().collect()
    })
}

fn end(requests: &mut [Request<'_>], wanted: Progress) -> Result<(), String> {
    let errors: Vec<String> =
        requests.iter_mut().filter_map(|request| request.wait(wanted, &|| false).err()).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
}
