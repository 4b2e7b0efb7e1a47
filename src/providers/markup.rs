//! Whether a text is XML well enough to be passed on as such: providers answer web pages where they should answer reports.

use super::judge::is_html;

/// Whether `body` begins as XML and ends as XML, and is no web page. What stands between is the reader's to judge.
pub fn is_xml(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    let root = after_prolog(body);
    let named = root.get(1).is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_' || *byte >= 0x80 || *byte == b'!');
    root.starts_with(b"<") && named && root.ends_with(b">") && !is_html(root)
}

/// What follows the XML declaration, processing instructions and comments.
fn after_prolog(mut body: &[u8]) -> &[u8] {
    loop {
        let end: &[u8] = match body {
            [b'<', b'?', ..] => b"?>",
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            _ => return body,
        };
        let at = body.windows(end.len()).position(|window| window == end);
        let Some(rest) = at.and_then(|at| body.get(at + end.len()..)) else { return &[] };
        body = rest.trim_ascii_start();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reports_pass_and_pages_do_not() {
        for text in [
            "<a/>",
            " \r\n<?xml version=\"1.0\"?>\n<!-- a <html> in a comment -->\n<a>x</a>\n",
            "\u{feff}<a></a>",
            "<!DOCTYPE report><report/>",
            "<ns:a/>",
            "<_/>",
        ] {
            assert!(is_xml(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "<",
            "<>",
            "< a/>",
            "<a",
            "<a>cut off",
            "text",
            "{}",
            "<html></html>",
            "<!DOCTYPE HTML><html></html>",
            "<?xml version=\"1.0\"?><!-- page --><html xmlns=\"x\"></html>",
            "<?xml version=\"1.0\"",
            "<?xml version=\"1.0\"?>",
            "<!-- a/>",
        ] {
            assert!(!is_xml(text.as_bytes()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(proptest::sample::select(b"<?!->xml a".to_vec()), 0..60)) {
            let _ = is_xml(&body);
        }
    }
}
