"""The page that asks, in a real browser: form, history, two minds, a phone."""

import threading

import pytest

from babi.inspection.minds import Minds
from babi.inspection.server import Server
from babi.inspection.service import MAX_WORDS, Service
from babi_data import make_stories
from browser import chromium, needs_chromium
from small_runs import small_checkpoint

pytestmark = needs_chromium
OWN = "Mary went to the kitchen. Where is Mary?"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "small"
    folder.mkdir()
    for iteration in (1, 2, 3):
        small_checkpoint(folder, iteration, seed=iteration)
    stories = make_stories({task: 1 if task == 2 else 3 for task in range(1, 21)})
    return Service(Minds([folder]), stories.get)


@pytest.fixture(scope="module")
def address(service):
    with Server(service, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.address
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    with chromium() as tab:
        yield tab


@pytest.fixture
def tab(browser, address):
    """The page, newly opened, with the story it opens with."""
    browser.faults.clear(), browser.requests.clear()
    browser.open(address, 1300, 850)
    wait_for_title(browser, "Task 1 (single supporting fact), test story 0")
    yield browser
    assert browser.faults == []
    assert all(request.startswith((address, "data:")) for request in browser.requests)
    browser.open("data:text/html,<p>")  # leaves no address behind


def wait_for_title(tab, title):
    tab.wait_for(f"document.title === {title!r} && !document.querySelector('.waiting')")


def choose(tab, field, value):
    tab.evaluate(f"(() => {{ const field = document.getElementById({field!r}); "
                 f"field.value = {value!r}; "
                 f"field.dispatchEvent(new Event('change')); }})()")


def click(tab, selector):
    left, top, width, height = tab.box(selector)
    tab.click(left + width / 2, top + height / 2)


def ask(tab, text):
    tab.evaluate(f"document.getElementById('text').value = {text!r}")
    click(tab, "#send")


def value(tab, field):
    return tab.evaluate(f"document.getElementById({field!r}).value")


def test_a_typed_story_is_answered_with_probabilities(tab, service):
    ask(tab, OWN)
    wait_for_title(tab, "A typed story")
    asked = {"minds": ["small/model.ckpt-3"], "text": OWN}
    reading, = service.answer(asked)["readings"]
    (word, share), *_ = reading["top"][10]
    assert tab.text(".story .answer") == word
    assert tab.text(".story .sure") == f"{share:.2f}"
    details = tab.text(".details")
    assert "step 11 of 11" in details and "The right answer is not known." in details
    for word, share in reading["top"][10]:
        assert f"{word}\t{share:.2f}" in details
    assert value(tab, "task") == "own"


def test_back_and_forward_and_reload(tab):
    click(tab, "[data-of=index][data-by='1']")
    wait_for_title(tab, "Task 1 (single supporting fact), test story 1")
    choose(tab, "task", "8")
    wait_for_title(tab, "Task 8 (lists/sets), test story 0")
    ask(tab, OWN)
    wait_for_title(tab, "A typed story")
    tab.evaluate("history.back()")
    wait_for_title(tab, "Task 8 (lists/sets), test story 0")
    assert value(tab, "task") == "8" and "Where is" in value(tab, "text")
    tab.evaluate("history.back()")
    wait_for_title(tab, "Task 1 (single supporting fact), test story 1")
    assert value(tab, "index") == "1"
    tab.evaluate("history.go(2)")
    wait_for_title(tab, "A typed story")
    assert value(tab, "text") == OWN
    tab.evaluate("document.activeElement.blur()")
    tab.press("ArrowLeft")
    tab.press("ArrowLeft")
    tab.wait_for("location.hash.includes('step=8')")
    tab.command("Page.reload")
    tab.wait_for("document.querySelector('.details')?.innerText.includes('step 9 of')")
    assert tab.text("h1") == "A typed story"


def test_keys_are_left_to_the_form(tab):
    before = tab.text(".details h2")
    tab.evaluate("document.getElementById('text').focus()")
    tab.press("ArrowRight")
    assert tab.text(".details h2") == before
    tab.evaluate("document.activeElement.blur()")
    tab.press("ArrowRight")
    assert tab.text(".details h2") != before


def test_faults_are_told_and_what_was_there_stays(tab):
    ask(tab, "Mary went to the kitchin. Where is Mary?")
    tab.wait_for("document.getElementById('fault').textContent")
    assert "'kitchin' (nearest: kitchen" in tab.text("#fault")
    assert tab.text("h1").startswith("Task 1")
    assert [fault for fault in tab.faults if "400" not in fault] == []
    tab.faults.clear()  # the console's note of the refusal
    ask(tab, OWN)
    wait_for_title(tab, "A typed story")
    assert tab.text("#fault") == ""


def type_text(tab, text):
    tab.evaluate(f"document.getElementById('text').value = {text!r}")


def slow_answers(tab, milliseconds):
    tab.evaluate("(() => { const ask = window.fetch; window.fetch = async (...all) => {"
                 f" await new Promise(done => setTimeout(done, {milliseconds}));"
                 " return ask(...all); }; })()")


def test_a_story_that_is_being_typed_is_read_by_another_model(tab):
    type_text(tab, OWN)
    choose(tab, "mind", "small/model.ckpt-1")
    wait_for_title(tab, "A typed story")
    assert value(tab, "text") == OWN and value(tab, "mind") == "small/model.ckpt-1"
    tab.evaluate("history.back()")
    wait_for_title(tab, "Task 1 (single supporting fact), test story 0")
    choose(tab, "beside", "small/model.ckpt-2")  # nothing was typed: the same story
    tab.wait_for("document.querySelectorAll('.mind').length === 2")
    assert tab.text("h1").startswith("Task 1")


def test_what_is_typed_while_a_story_is_read_stays(tab):
    slow_answers(tab, 300)
    choose(tab, "task", "8")
    type_text(tab, OWN)
    wait_for_title(tab, "Task 8 (lists/sets), test story 0")
    assert value(tab, "text") == OWN
    click(tab, "#send")
    wait_for_title(tab, "A typed story")


def test_after_a_refusal_the_story_of_before_can_be_asked_again(tab):
    ask(tab, OWN)
    wait_for_title(tab, "A typed story")
    ask(tab, "Mary went to the kitchin. Where is Mary?")
    tab.wait_for("document.getElementById('fault').textContent")
    tab.faults.clear()  # the console's note of the refusal
    ask(tab, OWN)
    tab.wait_for("!document.getElementById('fault').textContent "
                 "&& !document.querySelector('.waiting')")
    assert value(tab, "text") == OWN


def test_what_is_typed_outlives_a_refusal_of_something_else(tab):
    type_text(tab, OWN)
    choose(tab, "index", "99")
    tab.wait_for("document.getElementById('fault').textContent")
    tab.faults.clear()
    click(tab, "#send")
    wait_for_title(tab, "A typed story")
    assert value(tab, "text") == OWN


def test_what_is_typed_can_be_gone_back_to(tab):
    type_text(tab, OWN)
    choose(tab, "task", "8")
    wait_for_title(tab, "Task 8 (lists/sets), test story 0")
    assert value(tab, "text") != OWN
    tab.evaluate("history.back()")
    wait_for_title(tab, "A typed story")
    assert value(tab, "text") == OWN


def test_what_is_typed_and_not_asked_outlives_going_back(tab):
    click(tab, "[data-of=index][data-by='1']")
    wait_for_title(tab, "Task 1 (single supporting fact), test story 1")
    type_text(tab, OWN)
    tab.evaluate("history.back()")
    wait_for_title(tab, "Task 1 (single supporting fact), test story 0")
    assert value(tab, "text") == OWN
    click(tab, "#send")
    wait_for_title(tab, "A typed story")
    assert value(tab, "text") == OWN


def test_a_key_while_the_next_story_is_read_holds_nothing_in_it(tab):
    slow_answers(tab, 400)
    click(tab, "[data-of=index][data-by='1']")
    tab.evaluate("document.activeElement.blur()")
    tab.press("ArrowRight")
    wait_for_title(tab, "Task 1 (single supporting fact), test story 1")
    tab.evaluate("new Promise(done => setTimeout(done, 400))")
    assert tab.evaluate("!held && !location.hash.includes('step')")


def test_an_address_that_makes_no_sense_is_read_as_far_as_it_does(tab, address):
    tab.open("data:text/html,<p>")
    tab.open(f"{address}#task=8&index=x&step=-1")
    wait_for_title(tab, "Task 8 (lists/sets), test story 0")
    assert value(tab, "index") == "0" and tab.text("#fault") == ""


def test_of_several_stories_none_is_left_out_silently(tab):
    ask(tab, "1 Mary left.\n2 Who left?\tmary\n1 John left.\n2 Who left?\tjohn")
    tab.wait_for("document.getElementById('fault').textContent")
    assert "2 stories; give one at a time" in tab.text("#fault")
    tab.faults.clear()


def test_of_many_clicks_the_last_one_is_asked(tab):
    slow_answers(tab, 100)
    tab.requests.clear()
    tab.evaluate("for (const by of [1, 1, -1, 1]) document.querySelector("
                 "`[data-of=index][data-by='${by}']`).click()")
    wait_for_title(tab, "Task 1 (single supporting fact), test story 2")
    assert sum(request.endswith("/ask") for request in tab.requests) <= 2


def test_buttons_follow_the_number_of_stories(tab):
    def next_is_disabled():
        return tab.evaluate("document.querySelector('[data-of=index][data-by=\"1\"]')"
                            ".disabled")

    assert not next_is_disabled()
    choose(tab, "task", "2")
    wait_for_title(tab, "Task 2 (two supporting facts), test story 0")
    assert next_is_disabled()
    choose(tab, "task", "8")
    wait_for_title(tab, "Task 8 (lists/sets), test story 0")
    assert not next_is_disabled()
    choose(tab, "index", "99")
    tab.wait_for("document.getElementById('fault').textContent")
    assert "give 0 to 2, not 99" in tab.text("#fault")
    assert next_is_disabled() and not tab.evaluate(
        "document.querySelector('[data-of=index][data-by=\"-1\"]').disabled")
    tab.faults.clear()
    ask(tab, OWN)  # though the number is out of its range
    wait_for_title(tab, "A typed story")


def test_a_model_that_has_gone_is_not_asked_again(tab, address):
    tab.open("data:text/html,<p>")
    tab.open(f"{address}#task=8&index=1&mind=small%2Fmodel.ckpt-9&beside=none")
    wait_for_title(tab, "Task 8 (lists/sets), test story 1")
    assert value(tab, "mind") == "small/model.ckpt-3" and value(tab, "beside") == ""


def test_two_minds_and_the_checkpoints_of_a_run(tab, service):
    choose(tab, "beside", "small/model.ckpt-1")
    tab.wait_for("document.querySelectorAll('.mind').length === 2")
    names = "[...document.querySelectorAll('.name')].map(name => name.textContent)"
    assert tab.evaluate(names) == ["small, after 3 updates", "small, after 1 updates"]
    tops = [tab.box(f".mind:nth-child({number}) .labels")[1::2] for number in (1, 2)]
    assert tops[0] == tops[1]  # the same rows at the same height
    tab.evaluate("document.querySelector('.plots').scrollTop = 40")
    tab.wait_for("document.querySelectorAll('.plots')[1].scrollTop === 40")
    left, top, width, height = tab.box(".mind:nth-child(2) [data-step='3']")
    tab.mouse(left + width / 2, top + height / 2)
    steps = ("[...document.querySelectorAll('.details > :first-child > :first-child')]"
             ".map(title => title.textContent.split(', ')[1])")
    first, second = tab.evaluate(steps)
    assert first == second and first.startswith("step 4 of")
    for name in ("small, after 2 updates", "small, after 3 updates"):
        click(tab, "[data-of=beside][data-by='1']")
        tab.wait_for(f"{names}[1] === {name!r} && !document.querySelector('.waiting')")
        assert tab.evaluate(steps) == [first, first]  # the step stays
    assert tab.evaluate(
        "document.querySelector('[data-of=beside][data-by=\"1\"]').disabled")
    shown = [tab.text(f".mind:nth-child({number}) .details") for number in (1, 2)]
    assert shown[0] == shown[1]  # of the same checkpoint
    tab.evaluate("history.back()")
    tab.wait_for(f"{names}[1] === 'small, after 2 updates'")
    tab.wait_for("!document.querySelector('.waiting')")
    assert tab.text(".mind:nth-child(2) .details") != shown[0]


@pytest.mark.parametrize("beside", ["", "&beside=small%2Fmodel.ckpt-1"])
def test_a_phone_shows_everything_without_scrolling_sideways(tab, address, beside):
    tab.open("data:text/html,<p>", 390, 844)
    tab.open(f"{address}#task=1&index=0{beside}", 390, 844)
    tab.wait_for("document.querySelectorAll('.word').length")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    minds = 2 if beside else 1
    for part in (".story", ".details", ".plots"):
        assert tab.evaluate(f"document.querySelectorAll({part!r}).length") == minds
        left, _, width, height = tab.box(part)
        assert left >= 0 and left + width <= 390 and height > 150
    tab.evaluate("document.querySelector('[data-step=\"2\"]').scrollIntoView()")
    click(tab, "[data-step='2']")
    assert "step 3 of" in tab.text(".details")


def test_a_story_as_long_as_may_be(tab):
    sentences = (MAX_WORDS - 5) // 6
    ask(tab, "Mary went to the kitchen. " * sentences + "Where is Mary?")
    wait_for_title(tab, "A typed story")
    last = 6 * sentences + 4
    assert tab.evaluate("document.querySelectorAll('.word').length") == last + 1
    assert f"step {last + 1} of {last + 1}" in tab.text(".details")
    # The answer's word and its column are in view, and the canvas is of a size that
    # browsers can draw.
    left, top, width, height = tab.box(".word.here")
    box = tab.box(".story")
    assert box[1] <= top and top + height <= box[1] + box[3]
    left, _, width, _ = tab.box(".cursor")
    assert 0 < left and left + width < 1300
    assert tab.evaluate("document.querySelector('.plot').width") < 4096
    tab.mouse(left - 30, tab.box(".plots")[1] + 100)
    assert f"step {last + 1} of" not in tab.text(".details")


def test_two_checkpoints_that_are_named_stand_side_by_side(service, browser):
    folder = service._minds.default.parent
    both = Minds([folder, folder / "model.ckpt-1"])
    with Server(Service(both, service._stories), 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser.open(server.address, 1300, 850)
        wait_for_title(browser, "Task 1 (single supporting fact), test story 0")
        assert value(browser, "beside") == "small/model.ckpt-1"
        assert browser.evaluate("document.querySelectorAll('.mind').length") == 2
        choose(browser, "beside", "")
        browser.wait_for("document.querySelectorAll('.mind').length === 1 "
                         "&& !document.querySelector('.waiting')")
        browser.evaluate("window.before = true; location.reload(); 0")
        browser.wait_for("!window.before && !document.querySelector('.waiting') "
                         "&& document.querySelectorAll('.mind').length === 1")
        assert value(browser, "beside") == "" and browser.faults == []
        browser.open("data:text/html,<p>")
        server.shutdown()
