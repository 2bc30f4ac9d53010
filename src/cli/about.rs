//! The parts of a command's help and manual page besides its options.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Arg, Command, CommandFactory, ValueEnum};

use super::{Cli, Exit, Format};

/// The output formats of a command that answers with data.
pub const DATA: &[Format] = &[Format::Human, Format::Json];
/// The output formats of a command that does not.
pub const TEXT: &[Format] = &[Format::Human];

/// The outcomes of a command, and examples of its use.
pub struct About {
    /// The command.
    pub name: &'static str,
    /// The values that `--format` can have.
    pub formats: &'static [Format],
    /// True if `--templates` means anything.
    pub has_templates: bool,
    /// The meaning of each exit code.
    pub exits: &'static [(Exit, &'static str)],
    /// Command lines, and what each of them does.
    pub examples: &'static [(&'static str, &'static str)],
}

/// Every command that can say more than its options.
const ABOUT: &[About] = &[
    super::render::ABOUT,
    super::diff::ABOUT,
    super::rollout::ABOUT,
    super::status::ABOUT,
    super::trace::ABOUT,
    super::align::ABOUT,
    super::check::ABOUT,
    super::plan::ABOUT,
    super::simulate::ABOUT,
    super::report::ABOUT,
    super::explain::ABOUT,
    super::init::ABOUT,
    super::import::ABOUT,
    super::schema::ABOUT,
    super::complete::COMPLETIONS,
    super::complete::MAN,
];

/// The command line's definition.
pub fn command() -> Command {
    let lbgen = Cli::command();
    let global = |name: &str| lbgen.get_arguments().find(|arg| arg.get_id() == name).cloned();
    ABOUT.iter().fold(lbgen.clone(), |command, about| {
        // Without these, clap gives each command the options of lbgen as they are.
        let own = global("format").map(|format| about.format(format)).into_iter();
        let own = own.chain(global("templates").map(|arg| arg.hide(!about.has_templates)));
        command.mut_subcommand(about.name, |sub| sub.args(own).after_help(about.help()))
    })
}

/// Returns the entry of a command, or `None` if it has none.
pub fn of(name: &str) -> Option<&'static About> {
    ABOUT.iter().find(|about| about.name == name)
}

impl About {
    /// `--format` with the values that this command knows.
    fn format(&self, all: Arg) -> Arg {
        let values = self.formats.iter().filter_map(Format::to_possible_value);
        let parsed = |name: String| Format::from_str(&name, false);
        all.help("Output format").value_parser(PossibleValuesParser::new(values).try_map(parsed))
    }

    fn help(&self) -> String {
        let exits = self.exits.iter().map(|(exit, text)| format!("  {}  {text}", *exit as u8));
        let examples = self.examples.iter().map(|(line, text)| format!("  {line}\n      {text}"));
        format!(
            "Exit status:\n{}\n\nExamples:\n{}",
            exits.collect::<Vec<_>>().join("\n"),
            examples.collect::<Vec<_>>().join("\n")
        )
    }

    /// The sections of a manual page (man-pages(7)).
    pub fn roff(&self) -> String {
        let mut text = String::from(".SH \"EXIT STATUS\"\n");
        for (exit, meaning) in self.exits {
            text += &format!(".TP\n\\fB{}\\fR\n{}\n", *exit as u8, escaped(meaning));
        }
        text += ".SH EXAMPLES\n";
        for (line, meaning) in self.examples {
            text += &format!(".TP\n\\fB{}\\fR\n{}\n", escaped(line), escaped(meaning));
        }
        text
    }
}

/// Text as roff(7) takes it.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    // A line that starts with a dot or a quote would be a request.
    match text.starts_with(['.', '\'']) {
        true => format!("\\&{text}"),
        false => text,
    }
}
