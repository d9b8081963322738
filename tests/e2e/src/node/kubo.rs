//! A real Kubo: settings are its config file, written before each start.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::process::Command;

use super::Node;
use crate::process::command;

// === impl Node ===

impl Node {
    /// Makes the repository unless it is there.
    pub(super) async fn init_kubo(&self, program: &Path) -> Result<()> {
        let repo = self.repo();
        if repo.join("config").exists() {
            return Ok(());
        }
        let mut init = command(program);
        init.args(["init", "--empty-repo"]).env("IPFS_PATH", &repo);
        if self.settings.server_profile {
            init.args(["--profile", "server"]);
        }
        init.stdin(Stdio::null()).kill_on_drop(true);
        let output = init.output().await.context("Kubo cannot be started")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`ipfs init` failed: {said}");
        Ok(())
    }

    /// Writes its config and hands back the command that starts it.
    pub(super) fn kubo(&self, program: &Path, api_port: u16) -> Result<Command> {
        let repo = self.repo();
        let file = repo.join("config");
        let text = fs::read(&file).with_context(|| file.display().to_string())?;
        let mut config: Value = serde_json::from_slice(&text)?;
        merge(&mut config, self.kubo_settings(api_port)?);
        fs::write(&file, serde_json::to_vec_pretty(&config)?)?;
        let mut daemon = self.command(program);
        daemon
            .args(["daemon", "--migrate=false"])
            .args(self.settings.offline.then_some("--offline"))
            .env("IPFS_PATH", &repo);
        daemon
            .env("IPFS_TELEMETRY", "off")
            .env("LIBP2P_TCP_REUSEPORT", "true");
        Ok(daemon)
    }

    /// One TCP listener, an RPC, and nothing that looks for others by itself.
    fn kubo_settings(&self, api_port: u16) -> Result<Value> {
        let mut settings = self.alone(api_port)?;
        if !self.settings.as_made {
            merge(&mut settings, member());
        }
        if !self.settings.no_announce.is_empty() {
            settings["Addresses"]["NoAnnounce"] = json!(self.settings.no_announce);
        }
        if let Some((low, high)) = self.settings.water {
            settings["Swarm"]["ConnMgr"] = json!({
                "LowWater": low, "HighWater": high,
                "GracePeriod": super::TRIM_EACH, "SilencePeriod": super::TRIM_EACH,
            });
        }
        if let Some(token) = &self.settings.token {
            settings["API"]["Authorizations"]["lab"] = json!({
                "AuthSecret": format!("bearer:{token}"), "AllowedPaths": self.opened(),
            });
        }
        if let Some(other) = &self.settings.identity_of {
            settings["Identity"] = super::swarmnode::identity(other)?;
        }
        Ok(settings)
    }

    /// Its own address, and nobody outside of the lab.
    fn alone(&self, api_port: u16) -> Result<Value> {
        let ip = self.api().ip();
        Ok(json!({
            "Addresses": {
                "API": format!("/ip4/{ip}/tcp/{api_port}"),
                "Gateway": [],
                "Swarm": [self.listens()?],
            },
            "AutoConf": {"Enabled": false},
            "Bootstrap": [],
            "DNS": {"Resolvers": {}},
            "Discovery": {"MDNS": {"Enabled": false}},
            "Ipns": {"DelegatedPublishers": []},
            "Peering": {"Peers": peering(&self.settings.peering)?},
            "Plugins": {"Plugins": {"telemetry": {"Disabled": true}}},
            "Routing": {"Type": "dht", "DelegatedRouters": []},
            "Version": {"SwarmCheckEnabled": false},
        }))
    }
}

/// A member's node does nothing but what it is told.
fn member() -> Value {
    json!({
        "AutoNAT": {"ServiceMode": "disabled"},
        "AutoTLS": {"Enabled": false},
        "Provide": {"Enabled": false},
        "Routing": {"Type": "none"},
        "Swarm": {
            "DisableNatPortMap": true,
            "EnableHolePunching": false,
            "RelayClient": {"Enabled": false},
            "RelayService": {"Enabled": false},
            "Transports": {"Network": {"QUIC": false, "Relay": false, "Websocket": false,
                "WebTransport": false, "WebRTCDirect": false}},
        },
    })
}

/// `Peering.Peers` of addresses that end in `/p2p/…`.
fn peering(addresses: &[String]) -> Result<Value> {
    let entry = |address: &String| {
        let (address, peer) = address.split_once("/p2p/").context("no /p2p/ in it")?;
        Ok(json!({"ID": peer, "Addrs": [address]}))
    };
    addresses.iter().map(entry).collect()
}

/// Puts what is set over what was: objects key by key, all else, an empty object too, as a whole.
fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) if !over.is_empty() => {
            for (key, value) in over {
                merge(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}
