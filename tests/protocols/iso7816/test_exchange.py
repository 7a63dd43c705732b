"""61xx and 6Cxx."""

from collections.abc import Iterator

import pytest

from protocols.iso7816.apdu import Command, MalformedApdu, Response
from protocols.iso7816.exchange import exchange

READ = Command(0x00, 0xB2, 0x01, 0x05, le=0x40)
SELECT = Command(0x00, 0xA4, 0x04, 0x00, b"12345")


def play(command: Command, answers: list[str]) -> tuple[Response, list[str]]:
    """Run one exchange against scripted answers; return the response and what was sent."""
    sent: list[str] = []
    script: Iterator[str] = iter(answers)
    dialogue = exchange(command)
    raw = next(dialogue)
    try:
        while True:
            sent.append(raw.hex().upper())
            raw = dialogue.send(bytes.fromhex(next(script)))
    except StopIteration as end:
        response: Response = end.value
        return response, sent


def test_waiting_bytes_are_fetched_and_joined() -> None:
    response, sent = play(SELECT, ["6102", "AABB6101", "CC9000"])
    assert response == Response(b"\xaa\xbb\xcc", 0x9000)
    assert sent == ["00A40400053132333435", "00C0000002", "00C0000001"]


def test_a_reader_that_hides_get_response_is_accepted() -> None:
    assert play(SELECT, ["AABB9000"]) == (Response(b"\xaa\xbb", 0x9000), ["00A40400053132333435"])


def test_a_wrong_length_is_corrected_once() -> None:
    assert play(READ, ["6C03", "0102039000"]) == (
        Response(b"\x01\x02\x03", 0x9000),
        ["00B2010540", "00B2010503"],
    )


def test_a_second_correction_is_not_obeyed() -> None:
    assert play(READ, ["6C03", "6C04"])[0].sw == 0x6C04


def test_sixty_one_zero_means_256_bytes() -> None:
    assert play(SELECT, ["6100", "AA9000"])[1][1] == "00C0000000"


def test_a_card_that_promises_data_for_ever_is_given_up() -> None:
    with pytest.raises(MalformedApdu, match="without end"):
        play(SELECT, ["6101"] * 1000)


def test_an_answer_without_status_is_no_answer() -> None:
    with pytest.raises(MalformedApdu):
        play(READ, [""])
