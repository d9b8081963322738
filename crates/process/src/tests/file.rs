//! Files that are none, or too large, are refused without waiting for anybody.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::{ReadError, read_file, read_file_within};

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_file_is_read_whole_through_links_and_up_to_its_bound() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    std::fs::write(&file, "text").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert_eq!(read_file(&link, 4).unwrap(), b"text");
    assert_eq!(read_file(&link, 3), Err(ReadError::TooLarge(3)));
    let absent = read_file(&folder.path().join("absent"), 1).unwrap_err();
    assert!(absent.to_string().contains("No such file"), "{absent}");
}

#[test]
fn what_is_no_file_is_named_for_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (fifo, socket) = (folder.path().join("fifo"), folder.path().join("socket"));
    pipe(&fifo);
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for (path, what) in [
        (&*fifo, "it is a named pipe, not a file"),
        (&*socket, "it is a socket, not a file"),
        (folder.path(), "it is a directory, not a file"),
        (Path::new("/dev/zero"), "it is a device, not a file"),
    ] {
        assert_eq!(read_file(path, 1).unwrap_err().to_string(), what);
    }
}

#[tokio::test]
async fn off_the_workers_it_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (file, fifo) = (folder.path().join("file"), folder.path().join("fifo"));
    std::fs::write(&file, "text").unwrap();
    pipe(&fifo);
    let long = Duration::from_secs(60);
    assert_eq!(read_file_within(file, 4, long).await.unwrap(), b"text");
    let refused = read_file_within(fifo, 4, long).await;
    assert_eq!(refused, Err(ReadError::NotAFile("a named pipe")));
}
