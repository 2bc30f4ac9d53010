//! `--compare`: what two APIs answer differently.

use clap_complete::ArgValueCompleter;

use super::super::answer::{Answer, Body};
use super::super::session::Session;
use super::super::table::table;
use super::super::{Exit, Format};
use crate::diag::count;
use crate::language::word::{Exposed, Word};
use crate::pipeline::Planned;
use crate::plan::simulate::Scenario;
use crate::trace::{Difference, Request, Tracer, compare};
use crate::view::json::{Compared, UrlDifference};

/// Two APIs, in the order in which they are shown.
#[derive(Debug, Clone, Copy)]
pub struct Sides([Exposed; 2]);

impl Sides {
    /// Reads `ingress,gateway`.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split(',').map(str::trim).collect::<Vec<_>>().as_slice() {
            ["ingress", "gateway"] => Ok(Self([Exposed::Ingress, Exposed::Gateway])),
            ["gateway", "ingress"] => Ok(Self([Exposed::Gateway, Exposed::Ingress])),
            _ => Err("write `ingress,gateway`".to_owned()),
        }
    }

    pub fn completer() -> ArgValueCompleter {
        ArgValueCompleter::new(|_: &std::ffi::OsStr| {
            let words: Vec<&str> = Exposed::WORDS.iter().map(|(word, _)| *word).collect();
            vec![clap_complete::CompletionCandidate::new(words.join(","))]
        })
    }

    /// Returns the differences between the answers to requests like one; the exit code says if there are any.
    pub fn answer(
        self,
        planned: &Planned,
        like: &Request,
        session: &Session,
    ) -> anyhow::Result<Answer> {
        let scenario = Scenario::default();
        let tracer = |side| {
            Tracer::of(&planned.datacenter, &planned.routes, &planned.plan, &scenario).by(side)
        };
        let [first, second] = self.0.map(tracer);
        let found = compare(&planned.datacenter, [&first, &second], like);
        let exit = if found.differences.is_empty() { Exit::Done } else { Exit::Found };
        let names = self.0.map(Exposed::word);
        if session.global.format == Format::Json {
            let differences: Vec<_> = found
                .differences
                .iter()
                .map(|difference| UrlDifference {
                    entrypoint: &difference.entrypoint,
                    ingress: self.by(Exposed::Ingress, difference),
                    gateway: self.by(Exposed::Gateway, difference),
                    urls: &difference.urls,
                })
                .collect();
            let compared = Compared { asked: found.asked, differences };
            return Ok(Answer::new(exit, Body::json(&compared)?));
        }
        let asked = count(found.asked, "URL");
        if found.differences.is_empty() {
            let text = format!("{asked} asked, no difference\n");
            return Ok(Answer::new(exit, Body::Text(text)));
        }
        let differ: usize = found.differences.iter().map(|found| found.urls.len()).sum();
        let rows: Vec<Vec<String>> = found.differences.iter().map(row).collect();
        let [first, second] = names.map(str::to_uppercase);
        let mut text = table(&["URL", &first, &second, "SIMILAR"], rows);
        text += &format!("{asked} asked, {differ} answered differently\n");
        Ok(Answer::new(exit, Body::Text(text)))
    }

    /// The answer by an API.
    fn by(self, api: Exposed, difference: &Difference) -> &str {
        let [first, second] = &difference.answers;
        if self.0[0] == api { first } else { second }
    }
}

/// The first URL stands for the others.
fn row(difference: &Difference) -> Vec<String> {
    let [first, second] = difference.answers.clone();
    let url = difference.urls.first().cloned().unwrap_or_default();
    vec![url, first, second, difference.urls.len().to_string()]
}
