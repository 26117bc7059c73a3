"""Players in a browser: what is heard changes, and the position does not."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# Notes every start of a sound, and keeps every gain, so that tests know what is heard.
WATCHED = """
[window.gains, window.starts] = [[], []];
const [Gain, Source] = [GainNode, AudioBufferSourceNode];
window.GainNode = class extends Gain {
  constructor(...all) { super(...all); window.gains.push(this); }
};
window.AudioBufferSourceNode = class extends Source {
  start(...all) { window.starts.push(all); super.start(...all); }
};
"""
NO_AUDIO_CONTEXT = "delete window.AudioContext;"
LOUD = """() => window.gains.slice(-27).flatMap((one, i) => one.gain.value > 0.5 ? [i] : [])"""
TAKES = 27  # of the first player


class Player:
    """The first player of a page."""

    def __init__(self, page: Any, number: int = 0) -> None:
        self.page = page
        self.root = page.locator(".player").nth(number)
        self.slider = self.root.locator(".position")

    @property
    def position(self) -> float:
        """Seconds, as the slider shows them."""
        return float(self.slider.input_value())

    @property
    def chosen(self) -> str:
        """Convention and row of the chosen take."""
        return self.root.locator(".take.heard").get_attribute("data-take")

    @property
    def label(self) -> str:
        """The text of the button that plays and pauses."""
        return self.root.locator(".play").text_content()

    def wait_until(self, seconds: float) -> None:
        """Wait until the position has passed a place."""
        self.page.wait_for_function(
            "([slider, place]) => Number(slider.value) > place",
            arg=[self.slider.element_handle(), seconds],
        )

    def wait_for(self, label: str) -> None:
        """Wait until the button that plays and pauses has a text."""
        self.page.wait_for_function(
            "([button, label]) => button.textContent === label",
            arg=[self.root.locator(".play").element_handle(), label],
        )


def test_digits_and_arrows_choose_and_show_the_scores_of_the_clip(open_page):
    page = open_page().page
    player = Player(page)
    assert player.chosen == "scaled/bddm-7"
    shown = player.root.locator(".take:visible")
    assert shown.count() == 2  # the recording beside it
    scores = shown.nth(1).locator(".scores > div").all_text_contents()
    assert scores == ["PESQ-WB (LQO) ↑2.80", "STOI ↑0.956"]
    player.root.locator("input:checked").first.focus()
    page.keyboard.press("1")
    assert player.chosen == "scaled/bddm-3"
    page.keyboard.press("c")
    assert player.chosen == "raw/bddm-3"
    page.keyboard.press("0")
    assert player.chosen == "recording"
    assert player.root.locator(".take:visible").count() == 2
    player.root.locator("input:checked").first.focus()
    page.keyboard.press("ArrowRight")
    assert player.chosen == "raw/bddm-3"


def test_switching_while_it_plays_changes_gains_alone(open_page):
    opened = open_page(before=WATCHED)
    page, player = opened.page, Player(opened.page)
    player.root.locator("input:checked").first.focus()
    page.keyboard.press("Space")
    player.wait_for("Pause")
    [loud] = page.evaluate(LOUD)
    starts = page.evaluate("() => window.starts")
    assert len(starts) == TAKES
    assert {tuple(one) for one in starts} == {(starts[0][0], 0)}  # all at one moment
    page.keyboard.press("1")
    page.wait_for_function(f"() => ({LOUD})().join() !== '{loud}'")
    page.wait_for_function(f"() => ({LOUD})().length === 1")  # the other one has gone
    assert player.chosen == "scaled/bddm-3"
    assert len(page.evaluate("() => window.starts")) == TAKES  # nothing was started anew
    assert opened.complaints == []


def test_a_pause_keeps_the_position_whatever_is_chosen(open_page):
    page = open_page(before=WATCHED).page
    player = Player(page)
    player.root.locator("input:checked").first.focus()
    page.keyboard.press("Space")
    player.wait_until(0.2)
    page.keyboard.press("Space")
    player.wait_for("Play")
    stopped = player.position
    page.keyboard.press("2")
    page.keyboard.press("c")
    assert player.chosen == "raw/bddm-7"
    assert player.position == stopped
    page.keyboard.press("Space")
    player.wait_for("Pause")
    offsets = [offset for _, offset in page.evaluate("() => window.starts")[TAKES:]]
    assert offsets == [pytest.approx(stopped, abs=0.026)] * TAKES  # half a step of the slider


def test_the_end_without_a_loop_stops_and_with_it_does_not(open_page):
    page = open_page().page
    first, last = Player(page), Player(page, 2)
    first.root.locator(".loop").uncheck()
    first.root.locator(".play").click()
    first.wait_for("Pause")
    first.wait_for("Play")
    assert first.position == 0
    last.root.locator(".play").click()
    last.wait_for("Pause")
    page.wait_for_timeout(1_300)  # beyond the end of one second
    assert last.label == "Pause"


def test_one_player_silences_another(open_page):
    page = open_page().page
    first, last = Player(page), Player(page, 2)
    first.root.locator(".play").click()
    first.wait_for("Pause")
    last.root.locator(".play").click()
    last.wait_for("Pause")
    assert first.label == "Play"


def test_the_slider_and_a_click_on_a_spectrogram_seek(open_page):
    page = open_page().page
    player = Player(page)
    player.slider.focus()
    page.keyboard.press("End")
    assert player.position == 1
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert 0 < player.position < 0.2
    assert "of 1.0 seconds" in player.slider.get_attribute("aria-valuetext")
    picture = player.root.locator(".take:visible .picture").first
    picture.click(position={"x": picture.bounding_box()["width"] / 2, "y": 5})
    assert player.position == pytest.approx(0.5, abs=0.05)


def test_the_loop_box_is_a_box_for_the_keyboard(open_page):
    page = open_page().page
    player = Player(page)
    loop = player.root.locator(".loop")
    loop.focus()
    page.keyboard.press("Space")
    assert not loop.is_checked()
    assert player.label == "Play"  # it did not begin to play


def test_where_nothing_can_be_decoded_the_audio_elements_play(open_page):
    opened = open_page(before=NO_AUDIO_CONTEXT)
    page, player = opened.page, Player(opened.page)
    player.root.locator("input:checked").first.focus()
    page.keyboard.press("Space")
    player.wait_until(0.2)
    page.keyboard.press("1")
    assert player.chosen == "scaled/bddm-3"
    assert "cannot run at once" in player.root.locator(".trouble").text_content()
    playing = "() => [...document.querySelectorAll('audio')].filter((one) => !one.paused).length"
    page.wait_for_function(f"() => ({playing})() === 1")


def test_the_denoising_begins_with_the_first_estimate(open_page):
    page = open_page().page
    player = Player(page, 1)
    assert player.chosen == "scaled/after-1"
    player.root.locator("input:checked").first.focus()
    page.keyboard.press("7")
    assert player.chosen == "scaled/after-7"


def test_another_sampler_of_images_by_the_keyboard(open_page):
    page = open_page().page
    tabs = page.locator("#look .tabs")
    first, second = tabs.locator(".panel").nth(0), tabs.locator(".panel").nth(1)
    assert first.is_visible()
    assert not second.is_visible()
    tabs.locator("input").first.focus()
    page.keyboard.press("ArrowRight")
    assert not first.is_visible()
    assert second.is_visible()
