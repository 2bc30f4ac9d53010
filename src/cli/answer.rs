//! The answers of a command for each datacenter, and how those of a fleet become one.

use anyhow::bail;
use rayon::prelude::*;
use serde::Serialize;
use serde_json::Value;

use super::input::{Input, Member, Members};
use super::progress::Progress;
use super::session::{Loaded, Session};
use super::{Exit, Format, output};
use crate::view::json::{Diagnostics, Document, Failure, Fleet, Member as OfFleet};

/// The outcome of a command for one datacenter.
pub struct Answer {
    pub exit: Exit,
    pub body: Body,
}

/// The output for stdout.
pub enum Body {
    Nothing,
    Text(String),
    /// Text that may be long: through a pager on a terminal.
    Long(String),
    /// A document without the number of its form.
    Json(Value),
}

impl Body {
    /// A document of `view::json`.
    pub fn json(document: &impl Serialize) -> anyhow::Result<Self> {
        Ok(Self::Json(serde_json::to_value(document)?))
    }
}

impl Answer {
    pub fn new(exit: Exit, body: Body) -> Self {
        Self { exit, body }
    }

    /// The inventory has errors, which were said; for a program they are the answer.
    pub fn failed(session: &Session) -> anyhow::Result<Self> {
        let body = match session.global.format {
            Format::Json => Body::json(&Diagnostics::of(&session.report, &session.sources))?,
            _ => Body::Nothing,
        };
        Ok(Self::new(Exit::Failed, body))
    }

    /// Builds the answer for a datacenter of a fleet for which the command could not be done.
    pub fn error(
        error: &anyhow::Error,
        datacenter: &str,
        session: &Session,
    ) -> anyhow::Result<Self> {
        session.say(&format!("error: {datacenter}: {error:#}"));
        Ok(Self::new(Exit::Failed, Body::json(&Failure { error: format!("{error:#}") })?))
    }
}

/// Runs a command for every datacenter that is asked for, on all cores, and prints the answers in the order of the files.
pub fn each(
    input: &Input,
    session: &mut Session,
    command: impl Fn(&mut Session, &mut Loaded) -> anyhow::Result<Answer> + Sync,
) -> anyhow::Result<Exit> {
    let Some(Members { list, is_fleet }) = input.read(session)? else { return Ok(Exit::Failed) };
    if session.global.format == Format::Sh && list.len() > 1 {
        bail!("a script is for one datacenter: choose one with --datacenter");
    }
    let progress = Progress::through(list.len(), "planning", &session.global);
    let answers: Vec<(Member, anyhow::Result<Answer>)> = list
        .into_par_iter()
        .map(|mut member| {
            let answer = command(&mut member.session, &mut member.loaded);
            progress.step();
            (member, answer)
        })
        .collect();
    drop(progress);
    print(answers, is_fleet, session)
}

/// Prints answers: one as it is, a fleet's under the names of their datacenters.
pub fn print(
    answers: Vec<(Member, anyhow::Result<Answer>)>,
    is_fleet: bool,
    session: &mut Session,
) -> anyhow::Result<Exit> {
    let mut worst = Exit::Done;
    // Markdown has headings of its own, and objects say what they are.
    let is_titled =
        is_fleet && !matches!(session.global.format, Format::Markdown | Format::Kubernetes);
    let (mut text, mut long, mut documents) = (String::new(), false, Vec::new());
    for (member, answer) in answers {
        let name = member.loaded.datacenter().to_owned();
        session.absorb(&member.session);
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if !is_fleet => return Err(error),
            Err(error) => Answer::error(&error, &name, session)?,
        };
        worst = worst.max(answer.exit);
        match answer.body {
            Body::Nothing => {}
            Body::Json(value) if !is_fleet => output::json(&Document::of(value))?,
            Body::Json(value) => documents.push(OfFleet::of(&name, value)),
            Body::Text(part) | Body::Long(part) if part.is_empty() => {}
            Body::Text(part) => titled(&mut text, &part, &name, is_titled),
            Body::Long(part) => {
                long = true;
                titled(&mut text, &part, &name, is_titled);
            }
        }
    }
    session.flush();
    match (is_fleet && session.global.format == Format::Json, long) {
        (true, _) => output::json(&Document::of(Fleet { datacenters: documents }))?,
        (false, true) => output::paged(&text, session.global.quiet)?,
        (false, false) => output::data(&text)?,
    }
    Ok(worst)
}

/// Adds what is said of one datacenter, under its name where there are several.
fn titled(text: &mut String, part: &str, name: &str, is_fleet: bool) {
    if is_fleet {
        if !text.is_empty() {
            text.push('\n');
        }
        *text += &format!("== {name}\n");
    }
    *text += part;
}
