//! Statistics, as a client gets them.

use super::*;

#[tokio::test]
async fn each_number_comes_with_its_name_and_what_is_not_known_is_null() {
    for single in [false, true] {
        let server = Server::new(in_memory(single).await, 1, Tokio::default());
        ask(&server, 1, op::EXECUTE, 0, &sql("CREATE TABLE items (a)")).await;
        let all = values(&ask(&server, 2, op::STATS, 0, &[]).await);
        let found = |wanted: &str| {
            let mut pairs = all.chunks(2);
            let pair = pairs.find(|pair| pair[0] == Value::from(wanted)).unwrap();
            pair[1].clone()
        };
        assert_eq!(found("commits"), Value::Integer(1));
        assert_eq!(found("page_size"), Value::Integer(4096));
        assert_eq!(found("oldest_reader_ns"), Value::Null);
        assert_eq!(found("transaction_age_ns"), Value::Null);
        assert_eq!(all.len(), 2 * 42, "{all:?}");
        ask(&server, 3, op::BEGIN, 0, &[0]).await;
        let refused = ask(&server, 4, op::STATS, 3, &[]).await;
        assert_eq!(refused.kind, kind::ERROR, "not of a transaction");
    }
}
