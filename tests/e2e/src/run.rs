//! A run: scenarios with a deadline, a result and a clean end each. Those that share the API server
//! take turns, because the base allows their controllers one lease; the others take turns beside
//! them, each with a place of its own.

use std::any::Any;
use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use futures::FutureExt;
use futures::future::join;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::block::{Block, Subnet};
use crate::cli::Parts;
use crate::cluster::Cluster;
use crate::contract;
use crate::inside;
use crate::node::Kind;
use crate::programs::Programs;
use crate::registry::{Place, Play, Scenario};
use crate::table;
use crate::world::World;

/// How long a scenario may take, from its first process to its last assertion.
const DEADLINE: Duration = Duration::from_secs(60);

/// How long its end may take.
const CLOSING: Duration = Duration::from_secs(20);

/// Logs are kept here, from the repository's root.
const LOGS: &str = "target/e2e";

/// What is run, and how.
#[derive(Debug)]
pub(crate) struct Options {
    /// The programs.
    pub(crate) parts: Parts,
    /// What nodes are.
    pub(crate) kind: Kind,
    /// Whether a failed scenario's processes stay until Ctrl-C.
    pub(crate) keep: bool,
    /// Whether this process is the one inside of namespaces.
    pub(crate) inside: bool,
}

/// What scenarios share.
pub(crate) struct Lab {
    pub(crate) programs: Programs,
    pub(crate) block: Block,
    pub(crate) logs: PathBuf,
    shared: OnceCell<Rc<Cluster>>,
}

/// How one scenario ended.
struct Row {
    number: usize,
    name: &'static str,
    nodes: &'static str,
    passed: bool,
    took: Duration,
}

/// Runs the scenarios and prints what came of them. Whether all passed.
pub(crate) fn all(options: &Options, scenarios: &[(usize, &Scenario)]) -> Result<bool> {
    // One thread: the kernel ends the lab's processes when the thread that started them ends.
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let lab = Lab::open(options)?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let rows = RefCell::new(Vec::new());
        let (sharing, alone): (Vec<_>, Vec<_>) = scenarios
            .iter()
            .partition(|(_, scenario)| scenario.place == Place::Shared);
        if !options.inside && !sharing.is_empty() {
            let began = Instant::now();
            lab.shared().await?;
            let seconds = began.elapsed().as_secs_f64();
            println!("API server with the base installed: ready in {seconds:.1} s");
        }
        let play = async |scenarios: &[(usize, &Scenario)]| {
            for (number, scenario) in scenarios {
                let row = one(&lab, options, *number, scenario).await;
                rows.borrow_mut().push(row);
            }
        };
        // What is dropped here ends its processes.
        let all = tokio::select! {
            _ = join(play(&sharing), play(&alone)) => true,
            _ = interrupt.recv() => false,
            _ = terminate.recv() => false,
        };
        let mut rows = rows.take();
        rows.sort_by_key(|row| row.number);
        if let Some(cluster) = lab.shared.get() {
            cluster.end().await?;
        }
        if !options.inside {
            print(&rows);
        }
        Ok(all && rows.iter().all(|row| row.passed))
    })
}

async fn one(lab: &Lab, options: &Options, number: usize, scenario: &Scenario) -> Row {
    let name = scenario.name;
    let began = Instant::now();
    let result = if scenario.place == Place::Namespaces && !options.inside {
        inside::run(&lab.programs, options.keep, name).await
    } else {
        in_world(lab, options, number, scenario).await
    };
    let took = began.elapsed();
    let seconds = took.as_secs_f64();
    match &result {
        // Whoever is outside says so.
        Ok(()) if options.inside => {}
        Ok(()) => println!("{name}: ok in {seconds:.1} s"),
        Err(error) => println!("{name}: FAILED after {seconds:.1} s: {error:#}"),
    }
    let nodes = match &options.kind {
        _ if scenario.fakes => "fakes",
        Kind::Swarmnode(_) => "swarmnode",
        Kind::Kubo(_) => "kubo",
    };
    Row {
        number,
        name,
        nodes,
        passed: result.is_ok(),
        took,
    }
}

/// Makes a world, plays the scenario in it, and takes the world down whatever happened.
async fn in_world(lab: &Lab, options: &Options, number: usize, scenario: &Scenario) -> Result<()> {
    let subnet = lab.block.subnet(number)?;
    let folder = lab.folder(scenario.name)?;
    let story = match scenario.play {
        Play::Story(story) => story,
        Play::Contract(topic) => {
            return in_time(contract::hold(&lab.programs.kind, topic, &folder)).await;
        }
    };
    let mut world = lab.world(scenario, subnet, folder).await?;
    let mut result = in_time(story(&mut world)).await;
    if result.is_ok() {
        result = world.stop_controllers().await;
    }
    if result.is_err() {
        world.tell().await;
        if options.keep {
            println!("kept as it is until Ctrl-C: {}", world.folder().display());
            std::future::pending::<()>().await;
        }
    }
    let closed = timeout(CLOSING, world.close()).await;
    let closed = closed.map_err(|_| anyhow!("it did not end within {} s", CLOSING.as_secs()));
    result.and(closed.flatten().context("its end"))
}

/// What is played, unless it panics or takes too long.
async fn in_time(play: impl Future<Output = Result<()>>) -> Result<()> {
    match timeout(DEADLINE, AssertUnwindSafe(play).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(anyhow!("it panicked: {}", said(&*panic))),
        Err(_) => Err(anyhow!("it took longer than {} s", DEADLINE.as_secs())),
    }
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref().copied())
        .unwrap_or("no words")
}

/// The table, and the line that others read.
fn print(rows: &[Row]) {
    let mut cells = vec![
        ["scenario", "nodes", "result", "seconds"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for row in rows {
        let result = if row.passed { "ok" } else { "FAILED" };
        let seconds = format!("{:.1}", row.took.as_secs_f64());
        let cell = str::to_owned;
        cells.push(vec![cell(row.name), cell(row.nodes), cell(result), seconds]);
    }
    println!();
    for line in table::lines(&cells) {
        println!("{line}");
    }
    let passed = rows.iter().filter(|row| row.passed).count();
    println!("{passed} passed, {} failed, 0 skipped", rows.len() - passed);
}

// === impl Lab ===

impl Lab {
    fn open(options: &Options) -> Result<Self> {
        let logs = std::path::absolute(Path::new(LOGS))?;
        std::fs::create_dir_all(&logs)?;
        let Options { parts, kind, .. } = options;
        let (block, programs) = if options.inside {
            (Block::inside(), Programs::given(parts, kind)?)
        } else {
            let block = Block::claim()?;
            let folder = logs.join(format!("programs-{block}"));
            (block, Programs::keep(parts, kind, &folder)?)
        };
        Ok(Self {
            programs,
            block,
            logs,
            shared: OnceCell::new(),
        })
    }

    /// An empty folder for a scenario's logs.
    fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.logs.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// A world for a scenario, on the shared API server or on one of its own.
    async fn world(&self, scenario: &Scenario, subnet: Subnet, folder: PathBuf) -> Result<World> {
        let cluster = match scenario.place {
            Place::Shared => self.shared().await?,
            Place::OwnCluster | Place::Namespaces => {
                Rc::new(Cluster::start(&self.programs.parts, subnet.api_server(), &folder).await?)
            }
        };
        World::open(self, scenario.name, cluster, (subnet, folder)).await
    }

    /// The API server that scenarios share, started for the first that asks.
    async fn shared(&self) -> Result<Rc<Cluster>> {
        let start = async || {
            let logs = self.folder("cluster")?;
            let cluster = Cluster::start(&self.programs.parts, self.block.api_server(), &logs);
            let cluster = cluster.await.context("the API server of the lab")?;
            anyhow::Ok(Rc::new(cluster))
        };
        self.shared.get_or_try_init(start).await.map(Rc::clone)
    }
}
