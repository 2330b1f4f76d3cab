"""What a stream held: which trades are missing, which are there twice, and how old they were."""

from tests.bench.stored import _MESSAGE, Seen, _take

MADE = 1_790_001_515_463_000_000


def message(number: int, *, name: str = "BTCUSDT", sequence: int = 1, pending: int = 0) -> bytes:
    payload = (
        f'{{"v":1,"exchange":"binance","instrument":"{name}","id":"{number}","seq":"{number}","price":"1",'
        f'"quantity":"0.11234001","side":"buy","time":{MADE},"received":{MADE + 5},"sent":{MADE}}}'
    )
    reply = f"$JS.ACK.TRADES_BINANCE.made.1.{sequence}.{sequence}.{MADE + 2_000_000}.{pending}"
    head = "NATS/1.0\r\nNats-Msg-Id: x\r\n\r\n"
    return (
        f"HMSG trades.binance.spot.BTC.USDT 1 {reply} {len(head)} {len(head + payload)}\r\n{head}{payload}\r\n".encode()
    )


def seen(*numbers: int) -> Seen:
    found = Seen()
    for number in numbers:
        match = _MESSAGE.search(message(number))
        assert match is not None
        found.take(match)
    return found


def test_each_age_is_from_the_moment_that_the_quantity_carries() -> None:
    assert seen(11).ages.tolist() == [2_000_000 - 123_400]


def test_nothing_is_lost_of_what_is_all_there_in_whatever_order() -> None:
    found = seen(12, 11, 13)
    assert (found.missing, found.repeated, found.lost(3)) == (0, 0, 0)


def test_an_id_between_two_others_that_is_not_there_is_lost() -> None:
    assert seen(11, 13).lost(3) == 1


def test_a_trade_at_the_end_that_is_not_there_is_lost_by_the_count() -> None:
    assert seen(11, 12).lost(3) == 1


def test_a_trade_that_is_there_twice_hides_no_loss() -> None:
    found = seen(11, 11, 12)
    assert found.repeated == 1
    assert found.lost(3) == 1


def test_messages_are_taken_whole_wherever_the_bytes_are_cut() -> None:
    data = b"".join(message(10 + number, sequence=number, pending=3 - number) for number in range(1, 4))
    for cut in range(len(data)):
        found = Seen()
        rest, left = _take(found, data[:cut], 3)
        rest, left = _take(found, rest + data[cut:], left)
        assert (len(found.ages), left, found.last, found.lost(3)) == (3, 0, 3, 0)
