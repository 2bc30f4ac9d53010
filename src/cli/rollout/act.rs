//! `rollout --save`, `--apply` and what belongs to them: the plan as a file, and what is done with it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};

use super::super::input::{Input, Member, Members};
use super::super::session::Session;
use super::super::{Exit, status};
use super::apply::Ended;
use super::shown::{self, as_text};
use super::{Args, plan};
use crate::bundle::{self, WriteLock};
use crate::execute::PlanFile;
use crate::language::shell::quoted;
use crate::rollout::Do;

/// Saves a plan, or does to the nodes what one says.
pub(super) fn run(args: &Args, soak: Duration, session: &mut Session) -> anyhow::Result<Exit> {
    if let Some(path) = args.apply.saved() {
        // It does what the file says, and reads nothing else.
        let plan = PlanFile::read(path)?;
        return act_and_look(args, &plan, &summary(&plan), &args.down, session);
    }
    let Some(Members { mut list, .. }) = args.input.read(session)? else {
        return Ok(Exit::Failed);
    };
    let (Some(member), true) = (list.pop(), list.is_empty()) else {
        bail!("one datacenter at a time: choose it with --datacenter");
    };
    let Member { session: mut own, mut loaded } = member;
    if args.apply.is_later() {
        let plan = args.apply.begun(loaded.datacenter())?;
        return act_and_look(args, &plan, &summary(&plan), &args.down, session);
    }
    let planned = {
        let _lock = WriteLock::shared(&args.output);
        plan(args, &mut loaded, &mut own)?
    };
    session.absorb(&own);
    session.flush();
    let Some(planned) = planned else { return Ok(Exit::Failed) };
    let file = planned.file(args, soak, &loaded, session)?;
    let text = as_text(&planned.rollout, planned.revision.as_deref(), args.all);
    if let Some(path) = &args.apply.save {
        bundle::replace_file(path, &file.text()?)
            .with_context(|| format!("cannot write the plan {}", path.display()))?;
        session.note(&text);
        session.note(&format!(
            "wrote {}; next: lbgen rollout --apply --plan {}",
            path.display(),
            quoted(&path.to_string_lossy())
        ));
        return Ok(Exit::Done);
    }
    if file.steps.is_empty() {
        return Ok(Exit::Done);
    }
    // The plan was made without dead nodes.
    act_and_look(args, &file, &text, &[], session)
}

/// Acts, and looks at the fleet if that was to the end.
fn act_and_look(
    args: &Args,
    plan: &PlanFile,
    steps: &str,
    down: &[String],
    session: &Session,
) -> anyhow::Result<Exit> {
    let exit = match args.apply.carry_out(plan, steps, down, &session.here)? {
        Ended::Otherwise(exit) => return Ok(exit),
        Ended::Finished => Exit::Done,
    };
    // A saved plan is carried out without its inventory, too.
    if !session.global.quiet && args.input.inventory.exists() {
        let input = Input::of(args.input.inventory.clone(), vec![plan.datacenter.clone()]);
        let output = Path::new(&plan.bundle).parent().unwrap_or(&args.output);
        let is_visit = plan.steps.iter().any(|step| step["do"] == Do::Visit.word());
        let look = status::Args::after(input, output.to_owned(), !is_visit);
        // The rollout is done, whatever is found.
        if let Err(error) = status::run(&look, &mut session.anew()) {
            session.note(&format!("the fleet was not looked at: {error:#}"));
        }
    }
    Ok(exit)
}

/// The steps of a plan, for whoever is asked.
fn summary(plan: &PlanFile) -> String {
    let lines = plan.steps.iter().enumerate().map(|(number, step)| {
        let word = |key: &str| step[key].as_str().unwrap_or_default();
        shown::head(number, word("title"), word("id"))
    });
    lines.collect()
}
