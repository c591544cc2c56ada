from intake.idempotency import idempotency_of, with_documents


def test_the_same_request_has_the_same_body_whatever_the_order_of_its_fields() -> None:
    first = idempotency_of("key", "query", {"question": "?", "top_k": 3})
    again = idempotency_of("key", "query", {"top_k": 3, "question": "?"})

    assert first == again


def test_another_key_kind_or_body_is_told_apart() -> None:
    first = idempotency_of("key", "query", {"a": 1})

    assert idempotency_of("other", "query", {"a": 1}).key != first.key
    assert idempotency_of("key", "ingest", {"a": 1}).body != first.body
    assert idempotency_of("key", "query", {"a": 2}).body != first.body


def test_the_documents_of_an_ingest_belong_to_its_body() -> None:
    of_fields = idempotency_of("key", "ingest", {})
    one = with_documents(of_fields, [("a.txt", "hash", "", "", "{}")])
    other = with_documents(of_fields, [("b.txt", "hash", "", "", "{}")])

    assert one == with_documents(of_fields, iter([("a.txt", "hash", "", "", "{}")]))
    assert one.key == of_fields.key
    assert len({of_fields.body, one.body, other.body}) == 3
