//! What Python itself reads and writes is tested with it, in
//! `bindings-ffi/python/tests/test_marshal.py`; here is what must hold for any bytes.

use super::*;

fn request(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    request::translate(bytes, &mut out).map(|_| out)
}

/// `marshal.dumps((1, 2, 0, None, "SELECT ?", (7, "é", None)), 2)`
const QUERY: &[u8] = b"(\x06\0\0\0i\x01\0\0\0i\x02\0\0\0i\0\0\0\0Nu\x08\0\0\0SELECT ?(\x03\0\0\0i\x07\0\0\0u\x02\0\0\0\xc3\xa9N";

#[test]
fn a_statement_becomes_the_cores_request() {
    let mut expected: Vec<u8> = vec![1, 0, 0, 0, 2, 0, 0, 0, 0, 0];
    expected.extend_from_slice(b"\x08\0\0\0SELECT ?\x01\x03\0\0\0");
    expected.extend_from_slice(b"\x01\x07\0\0\0\0\0\0\0\x03\x02\0\0\0\xc3\xa9\0");
    let mut whole = u32::try_from(expected.len()).unwrap().to_le_bytes().to_vec();
    whole.append(&mut expected);
    assert_eq!(request(QUERY).unwrap(), whole);
}

#[test]
fn a_call_that_is_traced_is_measured() {
    let mut traced = QUERY.to_vec();
    assert_eq!(request(&traced).unwrap()[9], 0);
    // In the second byte of the operation.
    traced[12] |= 2;
    assert_eq!(request(&traced).unwrap()[9], 16);
    traced[12] |= 4;
    assert_eq!(request(&traced), None, "nothing else is there");
}

#[test]
fn what_is_cut_short_or_goes_on_is_refused() {
    for length in 0..QUERY.len() {
        assert_eq!(request(&QUERY[..length]), None, "{length}");
    }
    assert_eq!(request(&[QUERY, b"N"].concat()), None);
}

#[test]
fn bytes_are_taken_only_where_python_has_looked_at_them() {
    let with = |op: u8| {
        let head = b"(\x06\0\0\0i\x01\0\0\0i".to_vec();
        let rest = b"\0\0\0i\0\0\0\0Nu\x01\0\0\0S(\x01\0\0\0s\x01\0\0\0x";
        [head, vec![op], rest.to_vec()].concat()
    };
    assert_eq!(request(&with(2)), None);
    assert!(request(&with(0x82)).is_some());
}

#[test]
fn an_integer_of_more_than_64_bits_is_refused_and_the_outermost_are_not() {
    let with = |digits: &[u16], negative: bool| {
        let mut bytes =
            b"(\x06\0\0\0i\x01\0\0\0i\x02\0\0\0i\0\0\0\0Nu\x01\0\0\0S(\x01\0\0\0l".to_vec();
        let count = i32::try_from(digits.len()).unwrap() * if negative { -1 } else { 1 };
        bytes.extend_from_slice(&count.to_le_bytes());
        digits.iter().for_each(|digit| bytes.extend_from_slice(&digit.to_le_bytes()));
        request(&bytes).map(|out| i64::from_le_bytes(*out.last_chunk().unwrap()))
    };
    assert_eq!(with(&[0x7fff, 0x7fff, 0x7fff, 0x7fff, 7], false), Some(i64::MAX));
    assert_eq!(with(&[0, 0, 0, 0, 8], true), Some(i64::MIN));
    assert_eq!(with(&[0, 0, 0, 0, 8], false), None);
    assert_eq!(with(&[1, 0, 0, 0, 8], true), None);
    assert_eq!(with(&[0, 0, 0, 0, 0, 1], false), None);
}

#[test]
fn a_change_set_goes_with_policies_that_there_are() {
    // `marshal.dumps((1, 19, 0, None, policy, [("t", "at")], b"x"), 2)`
    let with = |policy: u8| {
        let head = b"(\x07\0\0\0i\x01\0\0\0i\x13\0\0\0i\0\0\0\0Ni".to_vec();
        let rest = b"\0\0\0[\x01\0\0\0(\x02\0\0\0u\x01\0\0\0tu\x02\0\0\0ats\x01\0\0\0x";
        [head, vec![policy], rest.to_vec()].concat()
    };
    let payload = b"\x02\x01\0\0\0\x01\0\0\0t\x03\x02\0\0\0at\x01\0\0\0x";
    assert!(request(&with(2)).unwrap().ends_with(payload));
    assert_eq!(request(&with(3)), None, "its column would be missing");
    assert_eq!(request(&[with(0), b"N".to_vec()].concat()), None);
}

#[test]
fn the_next_batch_is_asked_for_with_all_bits_of_its_number() {
    // `marshal.dumps((1, 9, 5, None, 1, -2), 2)`, and without the last.
    let head = b"i\x01\0\0\0i\x09\0\0\0i\x05\0\0\0Ni\x01\0\0\0";
    let batch = [b"(\x06\0\0\0", &head[..], b"i\xfe\xff\xff\xff"].concat();
    let next = [b"(\x05\0\0\0", &head[..]].concat();
    assert!(request(&batch).unwrap().ends_with(b"\x01\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff"));
    assert!(request(&next).unwrap().ends_with(b"\x05\0\0\0\x01\0\0\0"));
}

#[test]
fn migrations_go_with_their_number_and_their_files() {
    // `marshal.dumps((1, 48, 0, None, doing, 3, 1, -1, "p", [("1.sql", "S")]), 2)`
    let with = |doing: u8, files: &[u8]| {
        let head = b"(\x0a\0\0\0i\x01\0\0\0i\x30\0\0\0i\0\0\0\0Ni".to_vec();
        let rest = b"\0\0\0i\x03\0\0\0i\x01\0\0\0i\xff\xff\xff\xffu\x01\0\0\0p[\x01\0\0\0";
        request(&[head, vec![doing], rest.to_vec(), files.to_vec()].concat())
    };
    let payload = b"\x02\x03\0\0\0\0\0\0\0\x01\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\0\0p\x01\0\0\0\x05\0\0\x001.sql\x01\0\0\0S";
    assert!(with(2, b"(\x02\0\0\0u\x05\0\0\x001.sqlu\x01\0\0\0S").unwrap().ends_with(payload));
    assert_eq!(with(2, b"(\x01\0\0\0u\x05\0\0\x001.sql"), None, "its text is missing");
    assert_eq!(with(2, b"(\x02\0\0\0u\x05\0\0\x001.sqli\x01\0\0\0"), None);
}

#[test]
fn a_restore_tells_a_path_from_the_bytes_of_a_file() {
    // `marshal.dumps((1, 51, 0, None, source), 2)`
    let with = |source: &[u8]| {
        let head = b"(\x05\0\0\0i\x01\0\0\0i\x33\0\0\0i\0\0\0\0N".to_vec();
        request(&[head, source.to_vec()].concat())
    };
    assert!(with(b"u\x01\0\0\0a").unwrap().ends_with(b"\0\x01\0\0\0a"));
    assert!(with(b"s\x01\0\0\0a").unwrap().ends_with(b"\x01\x01\0\0\0a"));
    assert_eq!(with(b"N"), None);
}

/// Bytes that look like a request in places, so that a test gets past the head.
fn noise(random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = match random.u8(0..4) {
        0 => Vec::new(),
        _ => {
            let mut head = b"(\x06\0\0\0i\x01\0\0\0i".to_vec();
            head.extend_from_slice(&[random.u8(0..64), 0, 0, 0]);
            head.extend_from_slice(b"i\0\0\0\0Nu\x01\0\0\0t");
            head
        }
    };
    for _ in 0..random.usize(0..24) {
        match random.u8(0..6) {
            0 => bytes.push(random.u8(..)),
            1 => bytes.extend_from_slice(&[
                *random.choice(b"([").unwrap_or(&0),
                random.u8(0..4),
                0,
                0,
                0,
            ]),
            2 => bytes.extend_from_slice(b"u\x02\0\0\0ab"),
            3 => bytes.extend_from_slice(b"i\x02\0\0\0"),
            4 => bytes.push(*random.choice(b"NTF0{sgl").unwrap_or(&0)),
            _ => bytes.extend_from_slice(&random.u32(..).to_le_bytes()),
        }
    }
    bytes
}

#[test]
fn no_bytes_whatever_make_it_panic() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut taken = 0;
    for _ in 0..300_000 {
        let bytes = noise(&mut random);
        taken += u32::from(request(&bytes).is_some());
        let mut names = Names::default();
        let mut out = MarshalWriter::default();
        let mut reply = bytes;
        let (kind, flags, extra) = (random.u8(0..15), random.u8(0..16), random.u8(0..4));
        reply.splice(0..0, [64, 0, 0, 0, 1, 0, 0, 0, kind, flags, 0, 0, extra, 0, 0, 0]);
        reply.resize(reply.len().max(64), 0);
        reply::whole(&reply, &mut names, Tell::Once, &mut out);
        let mut replies = Replies::default();
        replies.add(reply);
        while replies.translate(&mut names, &mut out) > 0 {}
        assert!(replies.is_empty());
    }
    assert!(taken > 100, "the noise gets behind the head: {taken}");
}

#[test]
fn names_are_told_again_only_when_those_told_before_are_forgotten() {
    let mut names = Names::default();
    assert!(names.tells(1, Tell::Once) && !names.tells(1, Tell::Once));
    assert!(names.tells(1, Tell::Always) && names.tells(2, Tell::Always));
    assert!(names.tells(2, Tell::Once), "what may be forgotten is not counted as told");
    for serial in 3..=512 {
        assert!(names.tells(serial, Tell::Once));
    }
    assert!(!names.tells(1, Tell::Once));
    // Python's rule: before one more than 512, all are forgotten.
    assert!(names.tells(513, Tell::Once) && names.tells(1, Tell::Once));
}
