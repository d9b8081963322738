//! The notation of secrets.

use crate::{AuthError, authorization};

fn header(secret: &str) -> Result<String, AuthError> {
    authorization(secret).map(|header| header.expose().clone())
}

#[test]
fn the_notation_of_kubo_is_read() {
    for (secret, expected) in [
        ("bearer:t0ken", "Bearer t0ken"),
        ("bearer:a:b", "Bearer a:b"),
        ("t0ken\n", "Bearer t0ken"),
        ("basic:user:pass", "Basic dXNlcjpwYXNz"),
        ("basic:user:pa:ss word", "Basic dXNlcjpwYTpzcyB3b3Jk"),
        ("basic:dXNlcjpwYXNz", "Basic dXNlcjpwYXNz"),
        ("basic:ü:ö", "Basic w7w6w7Y="),
    ] {
        assert_eq!(header(secret).as_deref(), Ok(expected), "{secret:?}");
    }
}

#[test]
fn a_malformed_secret_gets_a_sentence_that_does_not_repeat_it() {
    for (secret, expected) in [
        ("", AuthError::Empty),
        (" \n", AuthError::Empty),
        ("bearer:", AuthError::NoToken),
        ("basic:s3cret", AuthError::Basic),
        // `s3cret` in base64, without a colon in it.
        ("basic:czNjcmV0", AuthError::Basic),
        ("basic:", AuthError::Basic),
        ("digest:s3cret", AuthError::Scheme),
        ("bearer:s3 cret", AuthError::Characters),
        ("s3\ncret", AuthError::Characters),
        ("basic:s3:cr\net", AuthError::Characters),
    ] {
        let error = header(secret).unwrap_err();
        assert_eq!(error, expected, "{secret:?}");
        let sentence = error.to_string();
        assert!(sentence.contains("basic:USER:PASSWORD"), "{sentence}");
        assert!(!sentence.contains("s3"), "{sentence}");
    }
}

#[test]
fn the_header_is_redacted() {
    assert_eq!(
        format!("{:?}", authorization("bearer:s3cret")),
        "Ok(<redacted>)"
    );
}
