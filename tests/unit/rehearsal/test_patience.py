"""When a rehearsal gives up waiting."""

import time

from bedplate.rehearsal.patience import Patience


def looks_until_it_is_over(patience: Patience, seen: list[object], seconds: float = 0.0) -> int:
    for number, what in enumerate([*seen, *(seen[-1:] * 50)], 1):
        time.sleep(seconds)
        if patience.is_over(what):
            return number
    raise AssertionError("it is never over")


class TestPatience:
    def test_is_not_over_before_the_time_has_passed(self) -> None:
        started = time.monotonic()
        looks_until_it_is_over(Patience(0.2), [1], seconds=0.01)
        assert time.monotonic() - started > 0.2

    def test_is_not_over_after_a_few_slow_looks(self) -> None:
        assert looks_until_it_is_over(Patience(0.0), [1], seconds=0.001) > 10

    def test_begins_anew_with_each_move(self) -> None:
        assert looks_until_it_is_over(Patience(0.0), [1, 2, 3, 4, 5], seconds=0.001) > 14

    def test_looks_seldom_where_a_look_takes_long(self) -> None:
        patience = Patience(0.0)
        patience.look()
        time.sleep(0.2)
        started = time.monotonic()
        patience.pause()
        assert time.monotonic() - started > 0.5
