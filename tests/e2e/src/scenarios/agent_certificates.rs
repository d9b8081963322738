//! Agents and their controller with certificates that are wrong.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::time::timeout;

use super::agents::agents;
use crate::agent::Beside;
use crate::certificates::{Authority, CONTROLLER, Texts, agent_name};
use crate::judge::SOON;
use crate::member::Spec;
use crate::registry::Scenario;
use crate::wait::until;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[Scenario::agent(
    "agent_bad_certificate_fails_closed",
    "a certificate that is wrong at either end, or none: no call at all, by no way, and a reason; the \
     right one mends it live",
    |world| Box::pin(agent_bad_certificate_fails_closed(world)),
)];

/// What is wrong with the agent of a member, and a word of why it is not used.
const WRONG: [(&str, &str); 5] = [
    ("other-ca", "UnknownIssuer"),
    (
        "other-namespace",
        "agent.agent-bad-certificate-fails-closed.kubomesh.dev",
    ),
    ("expired", "expired"),
    ("distrustful", "certificate"),
    ("open", "TLS with"),
];

/// How long the Secret may take to be read anew, and the channel to be refused.
const READ_ANEW: Duration = Duration::from_secs(4);

async fn agent_bad_certificate_fails_closed(world: &mut World) -> Result<()> {
    world.trust_agents().await?;
    let good = ["good-0", "good-1"];
    let mut specs = world.guarded(&good)?;
    let stranger = Authority::new("strange")?;
    for (name, _) in WRONG {
        let beside = match wrong(world, name, &stranger)? {
            Some(texts) => Beside::tls(world.certified_by(name, &texts)?),
            None => Beside::default(),
        };
        specs.push(Spec::new(name).logged().beside(beside));
    }
    world.add(&specs).await?;
    cannot_start_without(world).await?;
    // Auto, and their RPC is in reach: a certificate is still no reason to do without.
    world.create_mesh(agents("Auto")).await?;
    let flags = [
        "--probe-max=1s",
        "--secret-interval=1s",
        "--agent-retry=1s",
        "--peer-counts-interval=1s",
    ];
    world.start_controller("one", &flags).await?;
    world.linked(&good).await?;
    world.by_agents(&good).await?;
    for (name, word) in WRONG {
        let said = refused(world, name).await?;
        println!("{name}: {said}");
        ensure!(said.contains(word), "{name}: {said}");
    }
    world.channels(good.len()).await?;
    world.two_passes().await?;
    untouched(world)?;

    let began = Instant::now();
    for (name, _) in WRONG {
        let folder = world.certified(name)?;
        if name == "open" {
            let tls = |beside: &mut Beside| beside.tls = Some(folder);
            world.exchange_agent(name, tls).await?;
        }
    }
    let all: Vec<&str> = good
        .into_iter()
        .chain(WRONG.map(|(name, _)| name))
        .collect();
    world.linked(&all).await?;
    println!("mended after {:.1?}", began.elapsed());
    world.by_agents(&all).await?;
    world.healthy(&all).await?;
    controller_is_refused(world, &all, &stranger).await?;
    world.healthy(&all).await
}

/// What the agent of this member has; `None`: no certificate at all.
fn wrong(world: &World, name: &str, stranger: &Authority) -> Result<Option<Texts>> {
    let (own, right) = (world.authority()?, agent_name(world.namespace()));
    Ok(Some(match name {
        "other-ca" => stranger.issue(&right)?.trusting(own),
        "other-namespace" => own.issue(&agent_name("elsewhere"))?,
        "expired" => own.issue_expired(&right)?,
        "distrustful" => own.issue(&right)?.trusting(stranger),
        _ => return Ok(None),
    }))
}

/// Waits until a member counts as unreachable for its certificate. Why.
async fn refused(world: &World, name: &str) -> Result<String> {
    until(&format!("{name} is refused"), SOON, async || {
        let wanted = ("Reachable", "False", "Unreachable");
        let said = world.member_says(name, wanted).await?;
        ensure!(
            said.contains("TLS") || said.contains("certificate"),
            "{said}"
        );
        Ok(said)
    })
    .await
}

/// An agent that is told of certificates and has none does not serve.
async fn cannot_start_without(world: &mut World) -> Result<()> {
    world.agent_of("good-0")?.stop().await?;
    let folder = world.certified("good-0")?;
    std::fs::remove_file(folder.join("tls.key"))?;
    let started = world.start_agent("good-0").await;
    let why = started.err().map(|why| format!("{why:#}"));
    let said = why.unwrap_or_default();
    ensure!(said.contains("tls.key cannot be read"), "it serves: {said}");
    world.certified("good-0")?;
    world.start_agent("good-0").await
}

/// An error if one of the wrong ones' nodes was asked for anything, by any way.
fn untouched(world: &World) -> Result<()> {
    for (name, _) in WRONG {
        let asked = world.member(name)?.node.requests()?;
        ensure!(asked.is_empty(), "{name} was asked {asked:?}");
    }
    Ok(())
}

/// The controller's certificate becomes a stranger's, expires, and goes: what is open stays, nothing new
/// opens, and the right one mends that too.
async fn controller_is_refused(
    world: &mut World,
    all: &[&str],
    stranger: &Authority,
) -> Result<()> {
    let before = world.sockets(all)?;
    let own = world.authority()?;
    let strange = stranger.issue(CONTROLLER)?.trusting(own);
    let (expired, right) = (own.issue_expired(CONTROLLER)?, own.issue(CONTROLLER)?);
    for (texts, name) in [(strange, "good-0"), (expired, "good-1")] {
        world.put_controller_certificate(&texts).await?;
        // A channel that is opened before the Secret is read anew is opened with the former one.
        let said = until(
            &format!("the channel to {name} is refused"),
            SOON,
            async || {
                world.exchange_agent(name, |_| {}).await?;
                timeout(READ_ANEW, refused(world, name)).await?
            },
        )
        .await?;
        println!("{name}, and the controller is wrong: {said}");
        let told = world.agent_of(name)?.said()?;
        ensure!(told.contains("not let in"), "its agent says nothing");
    }
    world.channels(all.len() - 2).await?;
    world.put_controller_certificate(&right).await?;
    world.channels(all.len()).await?;
    world.by_agents(all).await?;
    world.none_new(all, &before)?;
    // None at all: the mesh says so, and what is linked stays.
    world
        .patch_mesh(json!({"agents": {"tlsSecretRef": "nowhere"}}))
        .await?;
    until(
        "the mesh says which secret, and what grants it",
        SOON,
        async || {
            let unreadable = ("Accepted", "False", "SecretUnreadable");
            let said = world.mesh_says(unreadable).await?;
            // At first it is not read yet.
            let how = said.contains("nowhere") && said.contains("manifests/components/agent");
            ensure!(how, "{said}");
            Ok(())
        },
    )
    .await?;
    world.none_new(all, &before)?;
    world.patch_mesh(agents("Auto")).await?;
    world.by_agents(all).await
}
