//! A running demo, from its first line to its last.

use std::fmt;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail};

use super::Demo;
use super::chaos::{Chaos, Sight};
use super::controller::{Controller, Look};
use super::convergence::Convergence;
use super::fakes::Fakes;
use super::fleet::{self, Fleet};
use super::http::Http;
use super::pages::Counts;
use super::screen::Screen;
use super::stop::Stop;
use super::swarmnodes::Swarmnodes;
use super::view::View;
use crate::generate::CONTROLLER;
use crate::goparts;
use crate::programs::FAKEFLEET;
use crate::project::{Profile, Project};
use crate::run;

/// How often things are looked at.
const LOOK: std::time::Duration = std::time::Duration::from_millis(100);

/// How many links are named when they did not come.
const WAITING: usize = 5;

/// How the links came to be there. Its text is the demo's last line.
#[derive(Debug)]
pub(super) struct Converged {
    peers: usize,
    links: Counts,
    /// How many troubles came and healed before; `None`: there were to be none.
    strokes: Option<usize>,
    /// Since the controller was started.
    seconds: f64,
}

/// Nodes and controller. The controller is ended first: it must not see its nodes go.
pub(super) struct Stage<'a> {
    controller: Controller,
    fleet: Box<dyn Fleet>,
    http: Http,
    screen: Screen,
    arguments: &'a Demo,
    _folder: xshell::TempDir,
}

// === impl Stage ===

impl<'a> Stage<'a> {
    /// Builds what is needed and starts it.
    ///
    /// # Errors
    /// When something does not build or start.
    pub(super) fn set(project: &Project, arguments: &'a Demo) -> Result<Self> {
        let folder = project.shell()?.create_temp_dir()?;
        let fleet = start_fleet(project, folder.path(), arguments)?;
        project.build(&[CONTROLLER])?;
        let screen = Screen::new(!arguments.no_color);
        let kubomesh = project.built(Profile::Dev, CONTROLLER.1);
        let controller = Controller::start(&kubomesh, folder.path(), fleet.nodes())?;
        for (what, address) in controller.addresses() {
            println!("{what:<8} {address}");
        }
        Ok(Self {
            controller,
            fleet,
            http: Http::new(),
            screen,
            arguments,
            _folder: folder,
        })
    }

    /// Waits for the links, then goes on as asked. `None` when somebody stopped it.
    ///
    /// # Errors
    /// When the links do not come, or do not come again, in time.
    pub(super) fn play(&mut self, stop: &Stop) -> Result<Option<Converged>> {
        let Some(converged) = self.converge(stop)? else {
            return Ok(None);
        };
        if !self.arguments.ends() {
            self.screen.say(&format!("{converged}; Ctrl-C ends it"));
        }
        if self.arguments.once && !self.arguments.has_chaos() {
            return Ok(Some(converged));
        }
        if !self.stay(stop)? {
            return Ok(None);
        }
        let again = self.converge(stop)?;
        Ok(again.map(|again| Converged {
            strokes: self.arguments.strokes(),
            ..again
        }))
    }

    /// Ends everything, the controller first.
    pub(super) fn end(mut self) {
        self.screen.clear();
        self.controller.end();
        self.fleet.end();
    }

    /// Waits until every link is on both ends and the controller has nothing left to do.
    fn converge(&mut self, stop: &Stop) -> Result<Option<Converged>> {
        let began = Instant::now();
        let mut convergence = Convergence::default();
        loop {
            let look = self.controller.look()?;
            let whole = self.is_whole(&look);
            if let Some(at) = convergence.look(self.screen.elapsed(), whole, look.plan.as_ref()) {
                let links = look.report.unwrap_or_default().counts;
                let peers = self.fleet.nodes().len();
                return Ok(Some(Converged {
                    peers,
                    links,
                    strokes: None,
                    seconds: at.as_secs_f64(),
                }));
            }
            let summary = self.view(&look).summary();
            let progress = format!("{summary} ({:.1} s)", self.screen.elapsed().as_secs_f64());
            self.screen.show(&[progress], &summary);
            if began.elapsed() > self.arguments.deadline() {
                bail!("{}", self.why_not("not converged", &look));
            }
            if stop.wait(LOOK) {
                return Ok(None);
            }
        }
    }

    /// Shows what happens until all trouble that there is to be came and went, or for ever. False
    /// when somebody stopped it.
    fn stay(&mut self, stop: &Stop) -> Result<bool> {
        let mut chaos = Chaos::new(self.arguments.pace(), self.screen.elapsed());
        let strokes = self.arguments.strokes();
        while strokes.is_none_or(|strokes| chaos.healed() < strokes) {
            let look = self.controller.look()?;
            let view = View {
                nodes: self.fleet.nodes(),
                look: &look,
            };
            let (lines, summary) = (view.lines(&self.screen, self.screen.rows()), view.summary());
            self.screen.show(&lines, &summary);
            if self.arguments.has_chaos() {
                self.trouble(&mut chaos, &look)?;
            }
            let healing = chaos.healing(self.screen.elapsed());
            if healing.is_some_and(|span| span > self.arguments.deadline()) {
                bail!("{}", self.why_not(&chaos.story(), &look));
            }
            if stop.wait(LOOK) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes the next trouble, if it is time.
    fn trouble(&mut self, chaos: &mut Chaos, look: &Look) -> Result<()> {
        let pass = look.plan.as_ref().map_or(0, |plan| plan.pass);
        let sight = Sight {
            now: self.screen.elapsed(),
            whole: self.is_whole(look),
            pass,
        };
        if let Some(news) = chaos.step(&mut *self.fleet, sight)? {
            if news.moved {
                self.controller.tell(self.fleet.nodes())?;
            }
            self.screen.say(&news.text);
        }
        Ok(())
    }

    /// Whether the controller says that all is well, and the nodes say the same.
    fn is_whole(&self, look: &Look) -> bool {
        let nodes = self.fleet.nodes();
        look.report.as_ref().is_some_and(|report| {
            report.whole(nodes.len())
                && fleet::on_both_ends(nodes, &report.links, &self.http) == report.links.len()
        })
    }

    fn view<'v>(&'v self, look: &'v Look) -> View<'v> {
        View {
            nodes: self.fleet.nodes(),
            look,
        }
    }

    fn why_not(&self, what: &str, look: &Look) -> String {
        let view = self.view(look);
        let deadline = self.arguments.deadline;
        let mut text = format!("{what} after {deadline} s: {}", view.summary());
        for waiting in view.waiting(WAITING) {
            text = format!("{text}\n  {waiting}");
        }
        format!(
            "{text}\nthe controller's last lines:\n{}",
            self.controller.last_lines()
        )
    }
}

/// Real nodes where Go is there, else fakes; the first line says which.
fn start_fleet(project: &Project, folder: &Path, arguments: &Demo) -> Result<Box<dyn Fleet>> {
    let Demo { peers, fakes, .. } = arguments;
    if *fakes || !run::is_there("go", "version") {
        let why = if *fakes {
            "as asked"
        } else {
            "because there is no Go here"
        };
        println!("{peers} nodes, fakes (crates/testkit) {why}, and the real controller");
        project.build(&[FAKEFLEET])?;
        return Ok(Box::new(Fakes::start(
            &project.built(Profile::Dev, FAKEFLEET.1),
            folder,
            *peers,
        )?));
    }
    println!("{peers} nodes, real libp2p ones (tests/swarmnode), and the real controller");
    let program = goparts::swarmnode(project.root())?;
    Ok(Box::new(Swarmnodes::start(program, folder, *peers)?))
}

// === impl Converged ===

impl fmt::Display for Converged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            peers,
            links,
            strokes,
            seconds,
        } = self;
        write!(f, "converged peers={peers} links={links}")?;
        if let Some(strokes) = strokes {
            write!(f, " strokes={strokes}")?;
        }
        write!(f, " seconds={seconds:.1}")
    }
}
