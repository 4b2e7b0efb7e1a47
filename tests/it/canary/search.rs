//! Looks for words in all the forms in which they could leave.

use std::collections::{BTreeSet, HashMap};

use base64::{Engine, engine::general_purpose::STANDARD};

/// By so many bytes a form is found first; shorter forms are not looked for.
const BEGIN: usize = 6;

/// Words and their forms.
pub struct Search {
    /// The first two bytes that any form has.
    begins: Vec<bool>,
    forms: HashMap<[u8; BEGIN], Vec<(Vec<u8>, usize)>>,
    words: Vec<String>,
}

fn pair(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

fn hex(word: &str) -> String {
    word.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// What any text that holds the word holds in base64: apart from the letters at both ends, which depend on the neighbours.
fn base64(word: &str) -> Vec<String> {
    let inner = |shift: usize| {
        let whole = STANDARD.encode([vec![0; shift], word.as_bytes().to_vec()].concat());
        let from = (shift * 8).div_ceil(6);
        let to = (shift + word.len()) * 8 / 6;
        whole[from..to].to_owned()
    };
    (0..3).map(inner).collect()
}

/// Every form of a word: as it is, in URLs, in JSON that escapes everything, base64, hexadecimal, UTF-16.
fn forms(word: &str) -> BTreeSet<Vec<u8>> {
    let encoded: String = url::form_urlencoded::byte_serialize(word.as_bytes()).collect();
    let percent: String = word.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let escaped: String = word.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let mut texts = vec![word.to_owned(), encoded.clone(), encoded.replace('+', "%20"), percent.to_lowercase(), percent, escaped];
    texts.extend([hex(word), hex(word).to_uppercase()]);
    for text in base64(word) {
        texts.extend([text.replace('+', "-").replace('/', "_"), text]);
    }
    let wide = word.encode_utf16().map(u16::to_be_bytes).collect::<Vec<_>>().concat();
    let turned = word.encode_utf16().map(u16::to_le_bytes).collect::<Vec<_>>().concat();
    texts.into_iter().map(String::into_bytes).chain([wide, turned]).filter(|form| form.len() >= BEGIN).collect()
}

impl Search {
    pub fn new(words: impl IntoIterator<Item = String>) -> Self {
        let words: Vec<String> = words.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let mut search = Self { begins: vec![false; 1 << 16], forms: HashMap::new(), words: Vec::new() };
        for (at, word) in words.iter().enumerate() {
            assert!(word.len() > BEGIN, "{word} is too short to be told from chance");
            for form in forms(word) {
                search.begins[pair(&form)] = true;
                search.forms.entry(form[..BEGIN].try_into().unwrap()).or_default().push((form, at));
            }
        }
        search.words = words;
        search
    }

    /// The words that occur in the bytes, each with the form in which it was first found.
    pub fn found(&self, bytes: &[u8]) -> Vec<(String, String)> {
        let mut found = HashMap::new();
        for (at, window) in bytes.windows(BEGIN).enumerate() {
            if !self.begins[pair(window)] {
                continue;
            }
            let begin: [u8; BEGIN] = window.try_into().unwrap();
            for (form, word) in self.forms.get(&begin).into_iter().flatten() {
                if bytes[at..].starts_with(form) {
                    found.entry(*word).or_insert_with(|| String::from_utf8_lossy(form).into_owned());
                }
            }
        }
        let mut found: Vec<_> = found.into_iter().map(|(word, form)| (self.words[word].clone(), form)).collect();
        found.sort();
        found
    }

    pub fn len(&self) -> usize {
        self.words.len()
    }
}

#[test]
fn a_word_is_found_in_every_form_and_at_every_place() {
    let word = "Planta+Gen/et 9";
    let search = Search::new([word.to_owned(), "Another word".to_owned()]);
    assert_eq!(search.len(), 2);
    assert_eq!(search.found(b"Plant Another wor"), []);
    let mut places: Vec<Vec<u8>> = forms(word).into_iter().collect();
    assert!(places.len() >= 12, "{}", places.len());
    // In the middle of something larger that is encoded as a whole.
    for before in ["", "a", "ab", "abc", "abcd"] {
        let whole = format!("{before}{word}{before}");
        places.push(STANDARD.encode(&whole).into_bytes());
        places.push(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&whole).into_bytes());
        places.push(hex(&whole).into_bytes());
        places.push(whole.encode_utf16().flat_map(u16::to_le_bytes).collect());
    }
    for place in places {
        let bytes = [b"{\"message\":\"".as_slice(), &place, b"\"}"].concat();
        let found: Vec<String> = search.found(&bytes).into_iter().map(|(word, _)| word).collect();
        assert_eq!(found, [word], "{}", String::from_utf8_lossy(&place));
    }
}
