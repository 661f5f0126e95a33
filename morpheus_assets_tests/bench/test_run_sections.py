import threading

import pytest

from bench.run_sections import SECTIONS, Sections, owner_of


class Clock:
    """Time passes only when somebody works."""

    now = 0.0

    def __call__(self):
        return self.now

    def work(self, seconds):
        self.now += seconds


@pytest.mark.parametrize(("module", "path"), [section[:2] for section in SECTIONS], ids=lambda value: value)
def test_every_function_that_is_timed_is_where_the_clock_looks_for_it(module, path):
    owner, name = owner_of(module, path)
    assert callable(getattr(owner, name))


def test_a_section_does_not_count_what_the_sections_inside_it_took():
    clock = Clock()
    sections = Sections(clock)
    inner = sections.timed(lambda: clock.work(5), "inner")
    with sections.section("outer"):
        clock.work(2)
        inner()
        clock.work(1)
    assert sections.seconds == {"inner": 5, "outer": 3}


def test_a_section_tells_how_much_of_its_time_it_computed():
    clock, cpu = Clock(), Clock()
    sections = Sections(clock, cpu)
    with sections.section("outer"):
        clock.work(5)
        cpu.work(1)
        with sections.section("inner"):
            clock.work(3)
            cpu.work(2)
    assert (sections.seconds, sections.cpu) == ({"outer": 5, "inner": 3}, {"outer": 1, "inner": 2})


def test_a_generator_is_counted_while_it_works_and_not_while_its_consumer_does():
    clock = Clock()
    sections = Sections(clock)

    def numbers():
        for number in range(3):
            clock.work(10)
            yield number

    with sections.section("consumer"):
        for _ in sections.timed(numbers, "numbers")():
            clock.work(1)
    assert sections.seconds == {"numbers": 30, "consumer": 3}


def test_a_function_that_fails_leaves_its_section():
    clock = Clock()
    sections = Sections(clock)

    def fail():
        clock.work(4)
        raise OSError

    with sections.section("outer"):
        with pytest.raises(OSError):
            sections.timed(fail, "inner")()
        clock.work(1)
    assert sections.seconds == {"inner": 4, "outer": 1}


def test_what_runs_outside_of_every_section_or_in_another_thread_is_not_counted():
    clock = Clock()
    sections = Sections(clock)
    timed = sections.timed(lambda: clock.work(1), "elsewhere")
    timed()
    with sections.section("outer"):
        thread = threading.Thread(target=timed)
        thread.start()
        thread.join()
    assert set(sections.seconds) == {"outer"}
