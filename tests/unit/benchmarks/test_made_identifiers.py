from benchmarks.data.made_identifiers import KINDS, made


def test_the_same_seed_makes_the_same_identifiers_and_another_makes_others() -> None:
    assert made(6) == made(6)
    assert made(6) != made(6, seed=9)


def test_each_identifier_stands_in_one_sentence_and_its_absent_twin_in_none() -> None:
    things = made(30)
    written = [one.written for one in things]

    assert len(things) == 30 * len(KINDS)
    assert len(set(written)) == len(written)
    for one in things:
        assert one.written in one.sentence
        assert one.written in one.asked
        assert one.absent in one.asked_absent
        assert one.absent not in written
        assert one.written not in one.others
