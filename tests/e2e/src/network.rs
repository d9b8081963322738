//! Links and network namespaces, for scenarios that have a network of their own.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Stdio;
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use socket2::{Domain, Socket, Type};
use tokio::io::AsyncWriteExt;

use crate::process::command;

/// `ip` with these arguments.
pub(crate) async fn ip(arguments: &str) -> Result<()> {
    run("ip", arguments, "").await
}

/// Several orders to `ip`, each on its line, in a named network namespace or here.
pub(crate) async fn ip_each(netns: Option<&str>, lines: &str) -> Result<()> {
    let arguments = match netns {
        Some(netns) => format!("-n {netns} -batch -"),
        None => "-batch -".to_owned(),
    };
    run("ip", &arguments, lines).await
}

/// Lays a bridge with a link address of its own: one without takes over that of a port, and another
/// with the next port. `number` tells the bridges of a scenario apart.
pub(crate) async fn bridge(name: &str, number: u8) -> Result<()> {
    let lines = format!(
        "link add name {name} address 02:00:00:00:01:{number:02x} type bridge\n\
         link set dev {name} up\n"
    );
    ip_each(None, &lines).await
}

/// Gives a network namespace an interface with an address of a /24 behind a bridge. The bridge's end
/// of the link is `port`.
pub(crate) async fn join(
    (bridge, port): (&str, &str),
    netns: &str,
    (interface, address): (&str, Ipv4Addr),
) -> Result<()> {
    let here = format!(
        "link add name {port} master {bridge} type veth peer name {interface} netns {netns}\n\
         link set dev {port} up\n"
    );
    ip_each(None, &here).await?;
    let there = format!(
        "address add {address}/24 dev {interface}\n\
         link set dev {interface} up\n"
    );
    ip_each(Some(netns), &there).await
}

/// Puts a file in the place of another.
pub(crate) async fn mount_over(file: &Path, with: &Path) -> Result<()> {
    let arguments = format!("--bind {} {}", with.display(), file.display());
    run("mount", &arguments, "").await
}

/// Named namespaces are kept where `ip netns` looks for them, and out of everybody's sight.
pub(crate) async fn mount_netns() -> Result<()> {
    run("mount", "-t tmpfs tmpfs /run", "").await
}

/// A socket that listens in a named network namespace, or here. It stays there whoever accepts from it.
pub(crate) fn listen_in(netns: Option<&str>, at: SocketAddr) -> Result<TcpListener> {
    let Some(netns) = netns else {
        return Ok(TcpListener::bind(at)?);
    };
    let listener = there(netns, move || Ok(TcpListener::bind(at)?));
    listener.with_context(|| format!("nobody can listen at {at} in {netns}"))
}

/// A connection inside of a named network namespace, from an address of it to another.
pub(crate) fn connect_in(netns: &str, from: SocketAddr, to: SocketAddr) -> Result<TcpStream> {
    let stream = there(netns, move || {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.bind(&from.into())?;
        socket.connect(&to.into())?;
        Ok(TcpStream::from(socket))
    });
    stream.with_context(|| format!("nobody answers at {to} in {netns}"))
}

/// Makes a socket in a named network namespace.
fn there<S: Send + 'static>(
    netns: &str,
    make: impl FnOnce() -> Result<S> + Send + 'static,
) -> Result<S> {
    let file = format!("/run/netns/{netns}");
    let namespace = File::open(&file).context(file)?;
    // A thread is in a namespace, and stays there: one that ends at once is taken.
    let there = thread::spawn(move || -> Result<S> {
        let network = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(namespace.as_fd(), network)?;
        make()
    });
    there
        .join()
        .map_err(|_| anyhow!("the thread there panicked"))?
}

async fn run(program: &str, arguments: &str, input: &str) -> Result<()> {
    let mut command = command(Path::new(program));
    command.args(arguments.split(' ')).kill_on_drop(true);
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    // One that has ended already says why below.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{program} {arguments}: {said}{input}"
    );
    Ok(())
}
