//! What the processes of a bench are started with.

use super::IMAGE;

#[test]
fn processes_have_the_environment_of_the_image() {
    let image = include_str!("../../../../../Dockerfile");
    let mut set = image.lines().filter_map(|line| line.strip_prefix("ENV "));
    assert_eq!(set.next(), Some(&*format!("{}={}", IMAGE.0, IMAGE.1)));
    assert_eq!(set.next(), None);
}
