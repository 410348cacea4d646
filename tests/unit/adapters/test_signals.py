"""SIGINT and SIGTERM as a request to stop."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from plimsoll.adapters.signals import SignalStop
from plimsoll.errors import Interrupted
from tests.fakes import FakeReporter


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_noted_and_work_finds_it_at_its_next_step(number: signal.Signals) -> None:
    reporter = FakeReporter()
    stop = SignalStop(reporter)
    with stop.listening():
        stop.check()
        send(number)
        with pytest.raises(Interrupted, match=number.name):
            stop.check()
    assert any("stopping cleanly" in line for line in reporter.lines("warn"))


def test_a_second_signal_interrupts_wherever_the_program_is() -> None:
    stop = SignalStop(FakeReporter())
    with stop.listening():
        send(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGTERM)


def test_a_third_signal_does_not_cut_off_what_the_second_one_left_to_end() -> None:
    stop = SignalStop(FakeReporter())
    with stop.listening():
        send(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
        send(signal.SIGINT)
        send(signal.SIGTERM)


def test_a_signal_in_the_midst_of_a_line_is_told_at_the_next_step() -> None:
    class Busy(FakeReporter):
        """Its stream is being written to when the signal comes."""

        busy = True

        def warn(self, text: str) -> None:
            if self.busy:
                raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")
            super().warn(text)

    reporter = Busy()
    stop = SignalStop(reporter)
    with stop.listening():
        send(signal.SIGINT)
        reporter.busy = False
        with pytest.raises(Interrupted, match="SIGINT"):
            stop.check()
    assert len(reporter.lines("warn")) == 1


def test_what_brings_things_back_in_order_is_not_stopped_by_the_signal_that_was_seen() -> None:
    stop = SignalStop(FakeReporter())
    with stop.listening():
        send(signal.SIGINT)
        stop.ignore()
        stop.check()


def test_handlers_are_given_back() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with SignalStop(FakeReporter()).listening():
        assert signal.getsignal(signal.SIGTERM) is not before[signal.SIGTERM]
    assert {number: signal.getsignal(number) for number in before} == before


def test_another_thread_works_on_without_signals() -> None:
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with SignalStop(FakeReporter()).listening():
                pass
        except BaseException as error:  # noqa: BLE001 -- whatever it is, the test shows it
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert errors == []
